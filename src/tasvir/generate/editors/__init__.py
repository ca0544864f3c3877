"""Built-in editors, one file each: upscalers, depth-to-image, inpainting and the like."""
