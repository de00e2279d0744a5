"""What the rigs share: programs, a scripted origin, a raw client, content to compare."""

from platter_rigs.case import Rig, figure, is_long, long_only, patient

__all__ = ["Rig", "figure", "is_long", "long_only", "patient"]
