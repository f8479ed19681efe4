"""What the recipes train with: discriminators, losses, augmentation, data, checkpoints."""
