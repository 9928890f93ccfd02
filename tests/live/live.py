#!/usr/bin/env python3
"""live.py OVERHEAR CAPTURE...: what is heard on a wire equals what is read from a file of the same packets.

In a network namespace of its own with a veth pair, the captures' frames are sent, slowly enough to lose none, while `overhear listen` and tcpdump hear the other end; then
tcpdump's file is read, and all views must agree, ids and the capture's own row aside. Also: the interface's going down and up again is survived, and SIGTERM ends cleanly.
TAP; skips without root, unshare, ip or tcpdump.
"""
import os
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

FRAME_MAX = 1514		# what a veth takes without offloading
PAUSE_S = 0.0005
WAIT_S = 20
JOBS = ['-j', os.environ['OVERHEAR_JOBS']] if os.environ.get('OVERHEAR_JOBS') else []	# of listen; read has one
IDS = {'id', 'capture_id', 'connection_id', 'handshake_id', 'resumed_from'}
VIEWS = ('handshakes', 'messages', 'alerts', 'offers', 'chains', 'certificates')


def frames(path):
	"""The Ethernet frames of a classic pcap."""
	data = open(path, 'rb').read()
	order = '<' if data[:4] in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else '>'
	if struct.unpack(order + 'I', data[20:24])[0] != 1:
		return
	at = 24
	while at + 16 <= len(data):
		length = struct.unpack(order + 'I', data[at + 8:at + 12])[0]
		yield data[at + 16:at + 16 + length]
		at += 16 + length


def wait_for(path, pattern):
	until = time.monotonic() + WAIT_S
	while time.monotonic() < until:
		if re.search(pattern, open(path, errors='replace').read()):
			return True
		time.sleep(0.05)
	return False


def start(command, err):
	return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=open(err, 'w'))


def stop(process, how=signal.SIGTERM):
	process.send_signal(how)
	return process.wait(WAIT_S)


def send(paths):
	wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
	wire.bind(('oh1', 0))
	count = 0
	for path in paths:
		for frame in frames(path):
			if len(frame) <= FRAME_MAX:
				wire.send(frame)
				count += 1
				time.sleep(PAUSE_S)
	return count


def rows(database, view):
	db = sqlite3.connect(database)
	cursor = db.execute(f'SELECT * FROM {view}')
	names = [d[0] for d in cursor.description]
	return sorted(repr([(n, v) for n, v in zip(names, row) if n not in IDS]) for row in cursor)


def same_rows(folder, overhear, paths):
	live, filed, raw = folder + '/live.db', folder + '/file.db', folder + '/wire.pcap'
	listen = start([overhear, 'listen', *JOBS, 'oh0', '-o', live, '--no-ndpi'], folder + '/listen.err')
	dump = start(['tcpdump', '-i', 'oh0', '-s', '65535', '-B', '65536', '-U', '--nano', '-w', raw], folder + '/tcpdump.err')
	if not wait_for(folder + '/listen.err', 'capturing on oh0') or not wait_for(folder + '/tcpdump.err', 'listening on'):
		return 'capturing did not begin'
	sent = send(paths)
	time.sleep(1)
	status = stop(listen)
	stop(dump, signal.SIGINT)
	said = open(folder + '/listen.err').read()
	if status != 0:
		return f'listen ended with {status}: {said}'
	summary = re.search(r'received (\d+) packets, kernel dropped 0,', said)
	if not summary or int(summary[1]) != sent:
		return f'{sent} sent, but: {said}'
	subprocess.run([overhear, 'read', '-q', raw, '-o', filed, '--no-ndpi'], check=True)
	for view in VIEWS:
		heard, read = rows(live, view), rows(filed, view)
		if heard != read:
			only = sorted(set(heard) ^ set(read))
			return f'{view}: {len(heard)} heard, {len(read)} read; first difference {only[:1]}'
	if not rows(live, 'handshakes'):
		return 'no handshake was heard'
	return None


def down_and_up(folder, overhear, paths):
	live, err = folder + '/down.db', folder + '/down.err'
	listen = start([overhear, 'listen', *JOBS, 'oh0', '-o', live], err)
	if not wait_for(err, 'capturing on oh0'):
		return 'capturing did not begin'
	subprocess.run(['ip', 'link', 'set', 'oh0', 'down'], check=True)
	if not wait_for(err, 'oh0.*down'):
		return 'nothing was said: ' + open(err).read()
	subprocess.run(['ip', 'link', 'set', 'oh0', 'up'], check=True)
	until = time.monotonic() + WAIT_S
	while time.monotonic() < until and not re.search('again', open(err).read()):
		send(paths[:1])
		time.sleep(0.2)
	status = stop(listen)
	if status != 0:
		return f'listen ended with {status}: {open(err).read()}'
	return None if rows(live, 'handshakes') else 'no handshake was heard after the interface came back'


def main():
	overhear, paths = sys.argv[1], sys.argv[2:]
	if os.geteuid() != 0 or not all(shutil.which(tool) for tool in ('unshare', 'ip', 'tcpdump')):
		print('1..0 # SKIP needs root, unshare, ip and tcpdump')
		return 0
	if os.environ.get('OVERHEAR_NAMESPACE') != '1':
		os.environ['OVERHEAR_NAMESPACE'] = '1'
		os.execvp('unshare', ['unshare', '-n', sys.executable] + sys.argv)
	for command in ('link set lo up', 'link add oh0 type veth peer name oh1', 'link set oh0 up', 'link set oh1 up'):
		if subprocess.run(['ip'] + command.split()).returncode:
			print('1..0 # SKIP no veth here')
			return 0
	open('/proc/sys/net/ipv6/conf/all/disable_ipv6', 'w').write('1')
	failed = 0
	print('1..2')
	with tempfile.TemporaryDirectory() as folder:
		os.chmod(folder, 0o1777)
		for number, (name, test) in enumerate((('live and file give the same rows', same_rows), ('an interface may go down and come back', down_and_up)), 1):
			why = test(folder, overhear, paths)
			failed += why is not None
			print(f'{"not ok" if why else "ok"} {number} - {name}')
			if why:
				print('# ' + why[:2000].replace('\n', '\n# '))
	return 1 if failed else 0


sys.exit(main())
