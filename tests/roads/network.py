"""What a network does to packets, each as a function from a list of steps to another list. A step is what one place
saw: a time, two link addresses, an IP packet. All chance comes from a random.Random that the caller seeds."""
import struct

from capture import ACK, FIN, IPV4, IPV6, RST, SYN, TCP, Ip, Tcp, ip_of, split_ethernet

MS = 10**6
FRAGMENT_PATIENCE = 10_000 * MS


class Step:
    __slots__ = ("time", "macs", "ip")

    def __init__(self, time, macs, ip):
        self.time, self.macs, self.ip = time, macs, ip

    def with_ip(self, ip, time=None):
        return Step(self.time if time is None else time, self.macs, ip)

    def tcp(self):
        return Tcp(self.ip.payload) if self.ip.protocol == TCP and len(self.ip.payload) >= 20 else None

    def end(self):
        """Address and port of who sends it."""
        return self.ip.src, self.ip.payload[:2]

    def connection(self):
        """The same for both directions."""
        ports = self.ip.payload[:2], self.ip.payload[2:4]
        return (self.ip.protocol, *sorted(zip((self.ip.src, self.ip.dst), ports)))


def steps_of(packets):
    """The IP packets of an Ethernet capture that are whole, with right checksums."""
    steps = []
    for packet in packets:
        if len(packet.frame) < 14:
            continue
        macs, kind, body = split_ethernet(packet.frame)
        ip = ip_of(body) if kind in (IPV4, IPV6) and packet.wire_len == len(packet.frame) else None
        if ip:
            steps.append(Step(packet.time, macs, ip.with_checksum()))
    return steps


# ---- nothing but the addresses ----

def as_ipv6(steps):
    """The same connections over IPv6; lookups would tell of other addresses."""
    out = []
    for s in steps:
        if s.ip.version == 4:
            src, dst = (bytes.fromhex("20010db80000000000000000") + a for a in (s.ip.src, s.ip.dst))
            s = s.with_ip(Ip(6, src, dst, s.ip.protocol, s.ip.payload, s.ip.ttl).with_checksum())
        out.append(s)
    return out


# ---- fragments ----

def cut_ip(ip, number, sizes):
    """Fragments whose sizes, in bytes, `sizes` gives one after the other: all but the last a multiple of eight."""
    pieces, at = [], 0
    while at < len(ip.payload):
        size = next(sizes) // 8 * 8
        end = min(at + size, len(ip.payload))
        more = end < len(ip.payload)
        if ip.version == 4:
            piece = ip.with_payload(ip.payload[at:end], place=at // 8 | more << 13)
            piece.id = number & 0xffff
        else:
            head = struct.pack(">BBHI", ip.protocol, 0, at | more, number)
            piece = ip.with_payload(head + ip.payload[at:end], protocol=44)
        pieces.append(piece)
        at = end
    return pieces


def fragmented(first, size, order):
    """`first` bytes in the first fragment, at most `size` in each other; `order` gets the list and may change it."""
    def sizes():
        yield first
        while True:
            yield size

    def change(steps, chance):
        out = []
        for number, s in enumerate(steps):
            if len(s.ip.payload) <= first:
                out.append(s)
                continue
            out += [s.with_ip(piece) for piece in order(cut_ip(s.ip, number + 1, sizes()), chance)]
        return out
    return change


def in_order(pieces, chance):
    return pieces


def shuffled(pieces, chance):
    chance.shuffle(pieces)
    return pieces


def twice(pieces, chance):
    """Each at least once, some again, in any order."""
    pieces += [chance.choice(pieces) for _ in range(3)]
    chance.shuffle(pieces)
    return pieces


def last_first(pieces, chance):
    return pieces[::-1]


def interleaved(steps, chance):
    """All but the first fragment of a packet come before the packet in front of it; not where that is long ago, since a
    host waits half a minute for fragments."""
    out, held = [], None
    for number, s in enumerate(steps):
        pieces = [s.with_ip(piece) for piece in cut_ip(s.ip, number + 1, iter([64] + [512] * 300))]
        if held and s.time - held.time > FRAGMENT_PATIENCE:
            out.append(held)
            held = None
        if held:
            out += [p.with_ip(p.ip, time=held.time) for p in pieces[1:]] + [held]
        else:
            out += pieces[1:]
        held = pieces[0]
    return out + [held]


# ---- segments ----

def resegmented(steps, chance, size=248):
    """A path MTU of 300: segments of at most 248 bytes behind 52 of headers."""
    out = []
    for s in steps:
        tcp = s.tcp()
        if not tcp or len(tcp.data) <= size:
            out.append(s)
            continue
        for at in range(0, len(tcp.data), size):
            last = at + size >= len(tcp.data)
            piece = tcp.bytes(tcp.data[at:at + size], tcp.seq + at, tcp.flags if last else tcp.flags & ~FIN)
            out.append(s.with_ip(s.ip.with_payload(piece).with_checksum()))
    return out


def tiny_segments(steps, chance):
    """Pieces of one to nine bytes; but what a direction begins with stays whole, since by that it is told what it is."""
    out, begun = [], set()
    for s in steps:
        tcp = s.tcp()
        way = s.end(), s.connection()
        if not tcp or not tcp.data or len(tcp.data) > 700 or way not in begun:
            begun |= {way} if tcp and tcp.data else set()
            out.append(s)
            continue
        at = 0
        while at < len(tcp.data):
            end = min(at + chance.randint(1, 9), len(tcp.data))
            piece = tcp.bytes(tcp.data[at:end], tcp.seq + at, tcp.flags if end == len(tcp.data) else tcp.flags & ~FIN)
            out.append(s.with_ip(s.ip.with_payload(piece).with_checksum()))
            at = end
    return out


def first_bytes_alone(steps, chance, alone=24):
    """What a direction begins with comes a byte at a time: what it is has to be told from very little at first."""
    out, begun = [], set()
    for s in steps:
        tcp = s.tcp()
        way = s.end(), s.connection()
        if not tcp or len(tcp.data) < 2 or way in begun:
            out.append(s)
            continue
        begun.add(way)
        cuts = [*range(min(alone, len(tcp.data))), len(tcp.data)]
        for at, end in zip(cuts, cuts[1:]):
            piece = tcp.bytes(tcp.data[at:end], tcp.seq + at, tcp.flags if end == len(tcp.data) else tcp.flags & ~FIN)
            out.append(s.with_ip(s.ip.with_payload(piece).with_checksum()))
    return out


def flights(steps):
    """Places of the data segments that follow one another in one direction of one connection, nothing of it between. Not
    of a connection whose beginning is not there: what comes first is its beginning then."""
    runs, open_runs, begun = [], {}, set()
    for place, s in enumerate(steps):
        tcp, key = s.tcp(), s.connection()
        if not tcp:
            continue
        begun |= {key} if tcp.flags & SYN else set()
        run = open_runs.get(key)
        movable = key in begun and tcp.data and not tcp.flags & (SYN | FIN | RST)
        if run and movable and run[0] == s.end():
            run[1].append(place)
        else:
            open_runs[key] = (s.end(), [place]) if movable else None
            if movable:
                runs.append(open_runs[key][1])
    return [run for run in runs if len(run) > 1]


def reordered(steps, chance):
    """The segments of each flight in another order; the times stay where they are."""
    out = list(steps)
    for run in flights(steps):
        order = list(run)
        chance.shuffle(order)
        for place, origin in zip(run, order):
            out[place] = steps[origin].with_ip(steps[origin].ip, time=steps[place].time)
    return out


def lost_before(steps, chance):
    """Segments lost before the place of capture: each comes last of its flight, 200 ms late, and all else waits for it."""
    late, waits = {}, {}
    for run in flights(steps):
        if chance.random() < 0.8:
            lost = chance.choice(run[:-1])
            late[lost], waits[run[-1]] = run[-1], lost
    out, delay = [], 0
    for place, s in enumerate(steps):
        if place not in late:
            out.append(s.with_ip(s.ip, time=s.time + delay))
        if place in waits:
            delay += 200 * MS
            out.append(steps[waits[place]].with_ip(steps[waits[place]].ip, time=s.time + delay))
    return out


def sent_again(steps, chance):
    """Segments lost behind the place of capture: it sees each of them again, 1 µs later."""
    out = []
    for s in steps:
        tcp = s.tcp()
        out.append(s)
        if tcp and tcp.data and not tcp.flags & (SYN | FIN | RST) and chance.random() < 0.5:
            again = Ip(s.ip.version, s.ip.src, s.ip.dst, TCP, s.ip.payload, s.ip.ttl, s.ip.id ^ 0x5555)
            out.append(s.with_ip(again, time=s.time + 1000))
    return out


def sent_again_wider(steps, chance):
    """What is sent again begins in the middle of a segment and ends with the next one."""
    before = {run[1]: run[0] for run in flights(steps)}
    out = []
    for place, s in enumerate(steps):
        out.append(s)
        if place in before:
            first, second = steps[before[place]].tcp(), s.tcp()
            half = len(first.data) // 2
            if (first.seq + len(first.data)) & 0xffffffff == second.seq:
                body = second.bytes(first.data[half:] + second.data, first.seq + half)
                out.append(s.with_ip(s.ip.with_payload(body).with_checksum()))
    return out


def syn_again(steps, chance):
    """The first SYN of each connection is sent again a second later, and all that follows waits for it."""
    out, delay, known = [], 0, set()
    for s in steps:
        tcp = s.tcp()
        out.append(s.with_ip(s.ip, time=s.time + delay))
        if tcp and tcp.flags & (SYN | ACK) == SYN and s.connection() not in known:
            known.add(s.connection())
            delay += 1000 * MS
            out.append(s.with_ip(s.ip, time=s.time + delay))
    return out


def mirrored(steps, chance):
    """Every packet twice, as a mirror port shows what comes in and goes out."""
    return [s for s in steps for _ in range(2)]


def routed_twice(steps, chance):
    """Every packet before and behind a router: another TTL, and other link addresses."""
    out = []
    for s in steps:
        ip = Ip(s.ip.version, s.ip.src, s.ip.dst, s.ip.protocol, s.ip.payload, s.ip.ttl - 1, s.ip.id)
        out += [s, Step(s.time + 500, s.macs, ip)]
    return out


# ---- times ----

# No small number of one is a number of the other.
TO_SERVER, TO_CLIENT = 41_003_000, 26_017_000


def farther(steps, chance):
    """Every answer of a server comes 41 ms later, every one of a client 26 ms, as if the place of capture were that far
    from them; all that follows waits for it."""
    out, delay, last, client = [], 0, {}, {}
    for s in steps:
        key = s.connection()
        client.setdefault(key, s.end())
        if last.get(key, s.end()) != s.end():
            delay += TO_CLIENT if s.end() == client[key] else TO_SERVER
        last[key] = s.end()
        out.append(s.with_ip(s.ip, time=s.time + delay))
    return out
