"""A scenario is a function with a name, a sentence for pcaps/README.md, and truth as its value."""

import inspect

SCENARIOS = {}


class Attempts(list):
    """Truth of a capture without a handshake: connections that got no hello, one for each reason."""

    def __init__(self, *reasons, port=443, starttls=None):
        super().__init__()
        self.rows = [{"server_ip": "192.0.2.2", "server_port": port, "reason": reason} for reason in reasons]
        for row in self.rows if starttls else []:
            row["starttls"] = starttls


class Scenario:
    def __init__(self, run, says, container, room):
        self.run = run
        self.says = says
        self.container = container
        self.room = room


def scenario(says, name=None, container="pcap"):
    def register(run):
        label = name or run.__name__
        assert label not in SCENARIOS, label
        SCENARIOS[label] = Scenario(run, says, container, inspect.getmodule(run).__name__.rsplit(".", 1)[-1])
        return run
    return register
