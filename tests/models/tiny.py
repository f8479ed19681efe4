"""A tiny generator for the tests of several folders."""

from synthderm.models.generator import SkinGenerator


def tiny(**options) -> SkinGenerator:
    """32 px, three classes, 8 latents and `noise` squared more."""
    return SkinGenerator(
        32,
        [16, 16, 8, 8],
        ["a", "b", "c"],
        latent_dim=8 + options.get("noise", 0) ** 2,
        style_dim=8,
        **options,
    )
