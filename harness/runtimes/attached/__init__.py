"""Measures a deployment that somebody else keeps up: nothing is brought up or taken down."""
