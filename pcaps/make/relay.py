#!/usr/bin/env python3
"""relay.py PORT TO SEED: hands datagrams on to 127.0.0.1:TO and back, and treats them as a bad network would."""

import heapq
import random
import select
import socket
import sys
import time

LOST, TWICE, LATE, LATE_SECONDS = 0.2, 0.15, 0.2, 0.05


def main():
    port, to, seed = map(int, sys.argv[1:])
    chance = random.Random(seed)
    front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    front.bind(("0.0.0.0", port))
    back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    back.connect(("127.0.0.1", to))
    client, waiting, count = None, [], 0
    while True:
        pause = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        for ready in select.select([front, back], [], [], pause)[0]:
            data, sender = ready.recvfrom(65535)
            client = sender if ready is front else client
            if chance.random() < LOST:
                continue
            for _ in range(2 if chance.random() < TWICE else 1):
                due = time.monotonic() + (LATE_SECONDS if chance.random() < LATE else 0)
                count += 1
                heapq.heappush(waiting, (due, count, ready is front, data))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, from_client, data = heapq.heappop(waiting)
            if from_client:
                back.send(data)
            elif client:
                front.sendto(data, client)


main()
