"""isbench: does choosing training samples make training faster on this machine?"""

__version__ = "0.1.0"
