"""What a command can draw from, for the help texts."""

from synthderm.hub.resolve import bundled_sources

SOURCES = f"{', '.join(bundled_sources())}, a model's folder (./x), a Hub id, diffusers:org/name"
