"""Images as tensors: colour, masks, tiles, the composite, the rule-based renderer, image files."""
