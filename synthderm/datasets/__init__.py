"""`SyntheticSkinDataset` with its sources, and `SkinFolder`, photographs on disk."""
