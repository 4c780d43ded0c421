"""The web service: what browsers and REST clients reach. It never imports torch."""
