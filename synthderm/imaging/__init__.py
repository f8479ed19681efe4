"""Images as tensors: colour, masks, textures, the composite, the rule-based renderer, files."""
