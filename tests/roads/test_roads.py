"""test_roads.py OVERHEAR PCAPS: the test of the roads can fail: what a variant does to the rows is told where its row allows less."""
import pathlib
import sys
import tempfile

import network
import roads
import tunnels


def without_server(steps, chance):
    """Nothing of what the client got."""
    client = steps[0].ip.src
    return [s for s in steps if s.ip.src == client]


def lost_for_good(steps, chance):
    """The first segment of the longest flight is never seen."""
    run = max(network.flights(steps), key=len)
    return [s for place, s in enumerate(steps) if place != run[0]]


# Each with what it must be told of.
MUTANTS = [
    (roads.Variant("one side", without_server), "outcome"),
    (roads.Variant("a hole", lost_for_good), "reassembly"),
    (roads.Variant("segments counted", network.resegmented), "packets"),
    (roads.Variant("times", network.farther), "tcp_ms"),
    (roads.Variant("another name", tunnel=tunnels.Tunnel(tunnels.vxlan, "vxlan 43")), "encapsulation"),
    (roads.Variant("another network", tunnel=tunnels.Tunnel(tunnels.vlan, "vlan 10", vlan=11)), "vlan"),
    (roads.Variant("half a turn", network.farther, aside=roads.PLACES | roads.TIMES,
                   check=lambda a, b: roads.check_farther(b, a)), "server_rtt_ms"),
]


def main(overhear, pcaps):
    print(f"1..{len(MUTANTS)}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        laboratory = roads.Laboratory(overhear, [pathlib.Path(pcaps) / "curl_nginx_tls12.pcap"], pathlib.Path(folder))
        plain, _ = laboratory.rows(roads.Variant("plain"))
        for number, (variant, word) in enumerate(MUTANTS):
            made, why = laboratory.rows(variant)
            lines = [why] if why else roads.judge(variant, plain, made)
            told = any(word in line for line in lines)
            failed += not told
            print(f"{'ok' if told else 'not ok'} {number + 1} - {variant.name} is told by {word}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
