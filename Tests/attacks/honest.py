"""Honest traffic between other ports while the attacks run: it must lose nothing."""


class Honest:
    def __init__(self, scene):
        self.scene = scene

    def finish(self):
        return []
