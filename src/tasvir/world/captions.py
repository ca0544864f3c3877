"""Scenes in words: captions with what they claim, and phrases for single things.

The language (upper-case names are tables of `world.wording` or names in the catalogue and palette; [x] = optional,
{x} = zero or more, | = or). Text is lower case, words parted by spaces, a comma is glued to the word before it; a full
stop may end it.

    text      = [ BACKGROUND "," ] body [ BACKGROUND ] { absence }
              | BACKGROUND_NOUN "with" list { absence }          "a park with a dog and two cats"
              | BACKGROUND_NOUN absence                          "a park without dogs"
    body      = clause { joiner clause }
    joiner    = "and" | "," | ", and" | "while" | ", while"
    clause    = list                                             "two red balls, a dog and a cat"
              | "there is" list | "there are" list
              | subject link { "and" link }                      "a woman is holding a kite and facing a dog"
              | [ "there is" ] np link                           "there is a cat behind it"
              | RELATION object ( "there is" | "there are" ) np  "behind a bus there is a dog": the dog is behind
              | subject [ "is" | "are" ] state                   "the dog is facing left"
    link      = [ "is" | "are" ] RELATION object [ "that is" RELATION object ]     | RELATION_FINITE object
                                                                 "left of a cat that is behind a bus"
    state     = SIDE | POSE                                      (adds to the entity)
    subject   = np | definite | "it"
    object    = np | definite | pronoun
    list      = np { "," np } [ [ "," ] "and" np ]
    absence   = ABSENCE absent { ( "or" | "and" ) absent }       "without dogs", "but no red car", "and no cats or dogs"
    absent    = [ "a" | "an" ] { adjective } ( KIND | PLURAL )
    np        = ( "a" | "an" ) { adjective } KIND { tail }       a person never has a colour adjective in captions
              | NUMBER { adjective } PLURAL { tail }             two, three, four (a reader may take digits as well)
    definite  = "the" { adjective } ( KIND | PLURAL )
    pronoun   = "it" | "him" | "her" | "them"
    adjective = SIZE | COLOUR | "striped" | "dotted" | "plain"   captions keep the order size, plain, colour, striped|dotted
    tail      = CLOTHES COLOUR | POSE | [ "," ] SIDE             in this order: "a woman in blue walking, facing left"

Reading rules. Longest wording wins ("on the left of" before "on", "walking towards" before the pose "walking", "in a
park" = background before "in" = inside; "in" + colour = clothes).
A relation's subject is the np right before it; after "and" (no np between) it is the subject of the same clause; "that
is" takes the np before it. Its object is one np: in "a dog left of a cat and a bus" the bus is a new entity.
"the dog" is the entity of that kind (and adjectives) mentioned before. "her"/"him" is the woman or girl / man or boy
mentioned last; "it" is, within the clause before (or the same list), the last-mentioned entity that is not a person;
"them" the last-mentioned group. Captions use a pronoun only where a single mentioned entity fits it.
Entities are numbered by first mention; claims stand in the order of the text. "sitting on" = pose sitting + claim "on".
A group's claim holds for each of its members.
"""

from __future__ import annotations
