"""Word lists for the rules of `noun_chunks`: closed classes whole, open ones as far as picture prompts need.

A list says what a word usually is in a prompt, not what it can be; `noun_chunks` decides by what stands
around it. Lower case.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


DETERMINERS = _words(
    "a an the this that these those his her its their my our your some any each every no another both all "
    "several many few one's"
)
NUMBERS = _words("one two three four five six seven eight nine ten eleven twelve dozen")
PRONOUNS = _words(
    "i you he she it we they me him us them itself himself herself themselves who whom whose which what "
    "something someone everything everyone nothing nobody other others there here this"
)
AUXILIARIES = _words(
    "is are was were be been being am has have had having do does did can could will would shall should may "
    "might must seem seems seemed become becomes became"
)
PREPOSITIONS = _words(
    "about above across after against along alongside amid among amongst around as at atop before behind "
    "below "
    "beneath beside besides between beyond by despite down during for from in inside into like near of "
    "off on "
    "onto opposite out outside over past per than through throughout to toward towards under underneath "
    "until "
    "up upon via while with within without when where because if so since though although before then"
)
CONJUNCTIONS = _words("and or but nor yet &")
ADVERBS = _words(
    "not very too also just almost again away back together apart nearby together already still even ever "
    "never always often soon now then once twice forward backward backwards forwards upside down next close "
    "ahead aside overhead outdoors indoors high low far more most less least only"
)
"""Besides words in -ly."""

NOT_ADVERBS = _words(
    "fly butterfly dragonfly family lily belly jelly ally bully holly supply assembly silly curly woolly "
    "hilly "
    "chilly bubbly early ugly friendly lovely lonely lively elderly daily prickly wobbly smelly wrinkly "
    "sparkly"
)

ADJECTIVES = _words(
    # colours
    "red orange yellow green blue purple violet pink brown black white gray grey golden gold silver beige "
    "tan "
    "turquoise teal cyan magenta maroon navy crimson scarlet ivory dark light bright pale colorful colourful "
    # shapes and sizes
    "big small large tiny huge little tall short long wide narrow thick thin round square rectangular "
    "circular "
    "triangular oval spherical cubic cylindrical conical pyramidal pentagonal hexagonal octagonal flat "
    "curved "
    "straight giant massive enormous miniature deep shallow slender "
    # materials
    "wooden metallic metal plastic rubber glass leather fabric fluffy woolen woollen cotton silk ceramic "
    "paper "
    "stone concrete marble steel golden bronze knitted "
    # textures and states
    "smooth rough soft hard sharp shiny glossy matte bumpy fuzzy furry hairy silky crisp crunchy sticky "
    "juicy "
    "tender fresh old new young ancient modern vintage rusty rusted dusty dirty clean wet dry hot cold "
    "warm cool "
    "sweet sour bitter spicy creamy rich plain striped dotted spotted checkered plaid patterned tiled jagged "
    "rugged gnarled worn torn broken open closed empty full heavy dense sleek delicate gentle calm wild "
    "happy "
    "sad angry sleepy hungry playful loyal loving beautiful pretty elegant majestic grand noble proud "
    "fragrant "
    "vibrant vivid radiant brilliant lush green leafy sunny snowy rainy cloudy stormy misty foggy clear "
    "sheer "
    "natural rustic cozy comfortable busy quiet lively sturdy solid fragile tough stiff loose tight rigid "
    "crystal "
    "crystal-clear whole half other same different perfect favorite local public single double high low "
    "top-heavy toy-like bold fine harsh bare raw ripe steep tangy salty savory smoky fierce curious "
    "adorable cute intricate abstract serene oblong"
)

NOUNS_LIKE_ADJECTIVES = _words(
    "fabric music clinic traffic picnic comic public ceramic mechanic animal metal petal cereal medal pedal "
    "hospital crystal canal signal capital terminal journal festival mural portal table vegetable cable "
    "stable "
    "fable elephant plant restaurant giant pendant merchant servant student parent president tent agent "
    "accident "
    "event ornament instrument baby berry cherry puppy kitty city sky body lady candy toy key boy monkey "
    "donkey "
    "turkey jersey jelly butterfly fly lily family pony bunny teddy daisy ivy bakery jewelry pottery library "
    "factory canopy country valley chimney hockey honey money party penny story strawberry blueberry "
    "raspberry "
    "battery gallery cemetery balcony century day way bay tray spray ray clay play highway railway subway "
    "runway "
    "driveway detective archive olive hive dive native grass radish fish dish relish polish finish goldfish "
    "starfish jellyfish butterscotch bus octopus cactus circus walrus doorway alley lobby dairy pastry "
    "gravy ferry "
    "fairy army navy diary laundry scenery machinery cutlery stationery celery surgery ceremony harmony "
    "symphony "
    "melody hay jay x-ray lullaby ruby copy supply belly dolly trolley volley trophy"
)
"""Nouns whose endings look like an adjective's."""

NOUNS_IN_ED_OR_ING = _words(
    "bed shed sled seed weed reed steed breed feed speed hundred bird-feed red ring wing king string "
    "spring thing "
    "evening morning lightning earring railing icing frosting stuffing pudding swing sling duckling dumpling "
    "darling sibling awning ceiling building painting clothing wedding sibling lighting flooring seating "
    "landing "
    "crossing drawing sapling topping herring inning being sewing bowling dining meeting feeling stocking "
    "engineering something nothing everything anything gathering opening carving clearing covering"
)

VERBS = _words(
    # third person
    "sits stands lies rests hangs leans floats flies runs walks holds wears rides carries looks faces "
    "watches "
    "eats drinks plays sleeps swims jumps climbs grows glows shines falls rises hovers towers stretches "
    "reaches "
    "points shows contains covers casts creates makes fills adds provides waits gazes stares smiles "
    "surrounds "
    "overlooks reflects blooms swirls dances sings reads writes cooks paints pulls pushes drives chases "
    "catches "
    "throws kicks hits cuts opens closes touches meets crosses flows drifts sways spins rolls slides perches "
    "nestles curls purrs barks glistens sparkles shimmers twinkles gleams glimmers looms complements "
    "contrasts "
    # irregular pasts
    "sat stood lay hung leant flew ran held wore rode ate drank slept swam grew shone fell rose spread "
    "kept made "
    "cast drew drove threw caught hit cut met spun slid saw sang wove wrote gave took brought stole "
    "sought fed "
    "led left bent bore broke chose clung crept dug fought found froze hid knelt lit lost rang sank shook "
    "shot "
    "sprang stuck struck swept swung told tore wound blew burst built held set shed sped hidden seen "
    "shown given taken grown drawn thrown driven eaten "
    "written woven flown hung "
    # with a plural before them
    "hang keep sit hold wear carry contain cover eat sing swim shine grow fill lie"
)
"""Finite forms; they count as verbs only behind a noun, so "the saw" stays a noun."""

RELATIONAL = (
    "on the left hand side of", "on the right hand side of", "on the left side of", "on the right side of",
    "to the left side of", "to the right side of", "on the left of", "on the right of", "to the left of",
    "to the right of", "at the left of", "at the right of", "on the top of", "on top of", "at the top of",
    "on the bottom of", "at the bottom of", "on the side of", "on side of", "by the side of", "at the "
    "side of",
    "in the middle of", "in the center of", "in front of", "in the front of", "on the back of",
    "at the back of", "in the back of", "at the edge of", "left of", "right of", "next to", "close to",
    "far from", "away from", "instead of", "out of", "because of",
)  # fmt: skip
"""Prepositions of several words, longer ones first: "the left" in them is no thing that can be seen."""
