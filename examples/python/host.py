#!/usr/bin/env python3
"""A host of append-only stores in one file, with nothing but Python's standard library.

It speaks the driver protocol (docs/reference/driver-protocol.md): one JSON object a line on standard input, one on standard output. Copy
it, and replace what is below "The store" by yours.

A store is a directory:

    log            frames: length, checksum, number, record; ends at the first frame that is not whole
    blocks/ID      a sealed block, whole;  blocks/ID.open is one that is being written
    snapshots/ID   a manifest: the last number of the log and the sealed blocks, with a checksum
    complete       the store is whole when this file is there; it is also the lock that keeps a second process out

What it relies on, and nothing else: what fsync of a file returned for is there after a crash, as are names in a directory that
fsync returned for. After an error of a write or an fsync a handle refuses all further work, since nobody knows what is on the
medium then; opening the store again finds out.
"""

import base64
import fcntl
import json
import os
import struct
import sys
import time
import zlib

MAX_RECORD_LEN = 1 << 20
# Length and checksum of a frame; the checksum covers the salt, the length, the number and the record.
HEAD = struct.Struct("<II")
NUMBER = struct.Struct("<Q")
CODES = {"exists": "STORE_EXISTS", "not-found": "STORE_NOT_FOUND", "concurrent-modification": "STORE_CONCURRENT_MODIFICATION"}


class Refused(Exception):
    """An error of the contract: its kind, and what a person needs to know."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


# Files


def retried(call, *args):
    """A system call once more if a signal interrupted it before it did anything."""
    while True:
        try:
            return call(*args)
        except InterruptedError:
            pass


def write_all(fd, data, offset):
    """All of it: a write may do less than it was asked for."""
    while data:
        count = retried(os.pwrite, fd, data, offset)
        data, offset = data[count:], offset + count


def read_all(path):
    fd = retried(os.open, path, os.O_RDONLY)
    try:
        data = bytearray()
        while piece := retried(os.pread, fd, 1 << 16, len(data)):
            data += piece
        return bytes(data)
    finally:
        os.close(fd)


def sync(fd):
    retried(os.fsync, fd)


def sync_dir(path):
    """Makes the names in a directory durable: a new file is lost with its name otherwise."""
    fd = retried(os.open, path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(fd)
    finally:
        os.close(fd)


def put(path, data):
    """A file with this content, durably and all at once: written aside, synced, renamed, the directory synced."""
    aside = path + ".tmp"
    fd = retried(os.open, aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        write_all(fd, data, 0)
        sync(fd)
    finally:
        os.close(fd)
    retried(os.rename, aside, path)
    sync_dir(os.path.dirname(path))


def exists(path):
    """Whether it is there. os.path.exists would take an error for absence."""
    try:
        retried(os.stat, path)
        return True
    except FileNotFoundError:
        return False


def remove_rubbish(path):
    """A directory with all that is in it."""
    for entry in os.scandir(path):
        if entry.is_dir(follow_symlinks=False):
            remove_rubbish(entry.path)
        else:
            retried(os.unlink, entry.path)
    retried(os.rmdir, path)


def sealed(data):
    """Content with its checksum before it."""
    return struct.pack("<I", zlib.crc32(data)) + data


def unsealed(data, what):
    if len(data) < 4 or struct.unpack("<I", data[:4])[0] != zlib.crc32(data[4:]):
        raise Refused("corrupt", f"{what} is damaged")
    return data[4:]


def new_id():
    """128 random bits: never the same twice, not even if what had it was lost in a crash."""
    return os.urandom(16).hex()


# The store


def frame(salt, seq, record):
    """The checksum begins with the store's salt: what the file system shows of another store, in space that it has used before, is none
    of this one."""
    body = NUMBER.pack(seq) + record
    length = struct.pack("<I", len(body))
    return HEAD.pack(len(body), zlib.crc32(length + body, salt)) + body


def whole_frames(salt, data):
    """The records at the beginning of a log, and where the first frame begins that is not whole."""
    records, at = [], 0
    while at + HEAD.size <= len(data):
        length, checksum = HEAD.unpack_from(data, at)
        body = data[at + HEAD.size : at + HEAD.size + length]
        if not NUMBER.size <= length <= NUMBER.size + MAX_RECORD_LEN or len(body) < length:
            break
        if zlib.crc32(data[at : at + 4] + body, salt) != checksum:
            break
        if NUMBER.unpack_from(body)[0] != len(records) + 1:
            break
        records.append(body[NUMBER.size :])
        at += HEAD.size + length
    return records, at


def damage_follows(salt, data, at, lost):
    """Whether a frame with a later number stands anywhere behind the one that is not whole: a torn write is the last, so this is damage.
    A frame that is not later is what was in that space before: an older piece of the log, or another attempt at the same record."""
    for start in range(at + 1, len(data) - HEAD.size - NUMBER.size + 1):
        length, checksum = HEAD.unpack_from(data, start)
        if NUMBER.size <= length <= NUMBER.size + MAX_RECORD_LEN and start + HEAD.size + length <= len(data):
            body = data[start + HEAD.size : start + HEAD.size + length]
            if zlib.crc32(data[start : start + 4] + body, salt) == checksum and NUMBER.unpack_from(body)[0] > lost:
                return True
    return False


class Store:
    """A store that is open for writing."""

    def __init__(self, path, lock):
        self.path, self.lock, self.log = path, lock, None
        self.failed = False
        self.open_blocks = {}
        self.recover()

    @staticmethod
    def create(path):
        """Makes an empty store. It is one when the file `complete` is there, which comes last."""
        if exists(path + "/complete"):
            raise Refused("exists", path)
        # What a crash left of an earlier attempt is in the way.
        if exists(path):
            remove_rubbish(path)
        retried(os.mkdir, path)
        sync_dir(os.path.dirname(path))
        for name in ("blocks", "snapshots"):
            retried(os.mkdir, f"{path}/{name}")
        put(path + "/log", b"")
        put(path + "/complete", sealed(os.urandom(4)))
        return Store.open(path)

    @staticmethod
    def open(path):
        try:
            lock = retried(os.open, path + "/complete", os.O_RDONLY)
        except FileNotFoundError:
            raise Refused("not-found", path) from None
        try:
            take_lock(lock)
            return Store(path, lock)
        except BaseException:
            os.close(lock)
            raise

    def recover(self):
        """Reads the log, and cuts off what a crash left of a frame. What is shown is durable first."""
        self.log = retried(os.open, self.path + "/log", os.O_RDWR)
        try:
            self.salt = int.from_bytes(unsealed(read_all(self.path + "/complete"), "complete"), "little")
            data = read_all(self.path + "/log")
            self.records, self.end = whole_frames(self.salt, data)
            if self.end < len(data):
                if damage_follows(self.salt, data, self.end, len(self.records) + 1):
                    raise Refused("corrupt", f"log: a damaged frame at {self.end}")
                retried(os.ftruncate, self.log, self.end)
            # After an fsync that failed, the kernel may take pages for clean that never reached the medium: written again, they
            # are dirty again, and the next fsync means what it says.
            write_all(self.log, data[: self.end], 0)
            sync(self.log)
            self.forget_open_blocks()
            # A process that was killed may have left names that no fsync has covered yet.
            for directory in (self.path + "/blocks", self.path + "/snapshots", self.path, os.path.dirname(self.path)):
                sync_dir(directory)
        except BaseException:
            os.close(self.log)
            raise

    def forget_open_blocks(self):
        for name in retried(os.listdir, self.path + "/blocks"):
            if name.endswith(".open"):
                retried(os.unlink, f"{self.path}/blocks/{name}")

    def check(self):
        if self.log is None or self.failed:
            raise Refused("closed", self.path)

    def changing(self, change, *args):
        """Does what changes files; if it fails, nobody knows what is on the medium, and the handle refuses all further work."""
        try:
            return change(*args)
        except OSError:
            self.failed = True
            raise

    def append(self, record, expected):
        self.check()
        seq = len(self.records) + 1
        if expected is not None and expected != seq:
            raise Refused("concurrent-modification", f"the next number is {seq}, not {expected}")
        if len(record) > MAX_RECORD_LEN:
            raise Refused("too-large", f"{len(record)} bytes")
        data = frame(self.salt, seq, record)
        self.changing(self.extend, data)
        self.records.append(record)
        self.end += len(data)
        return seq

    def extend(self, data):
        write_all(self.log, data, self.end)
        sync(self.log)

    def flush(self):
        self.check()
        return len(self.records)

    def read(self, start, limit):
        self.check()
        return records_of(self.records, start, limit)

    def close(self):
        if self.log is None:
            raise Refused("closed", self.path)
        for fd in self.open_blocks.values():
            os.close(fd[0])
        os.close(self.log)
        # The lock goes last.
        os.close(self.lock)
        self.log = None
        if self.failed:
            raise Refused("io", "an earlier write failed")

    # Blocks

    def create_block(self):
        self.check()
        name = new_id()
        fd = self.changing(os.open, f"{self.path}/blocks/{name}.open", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        # The checksum comes when the block is sealed.
        self.open_blocks[name] = (fd, bytearray())
        return name

    def open_block(self, name):
        self.check()
        if name in self.open_blocks:
            return self.open_blocks[name]
        if exists(self.block_path(name)):
            raise Refused("read-only", f"block {name} is sealed")
        raise Refused("not-found", f"block {name}")

    def block_path(self, name):
        if not name.isalnum():
            raise Refused("not-found", f"block {name}")
        return f"{self.path}/blocks/{name}"

    def write_block(self, name, data):
        fd, content = self.open_block(name)
        self.changing(write_all, fd, data, 4 + len(content))
        content += data

    def seal_block(self, name):
        fd, content = self.open_block(name)
        self.changing(self.seal, name, fd, bytes(content))

    def seal(self, name, fd, content):
        write_all(fd, sealed(content)[:4], 0)
        sync(fd)
        retried(os.rename, self.block_path(name) + ".open", self.block_path(name))
        sync_dir(self.path + "/blocks")
        os.close(fd)
        del self.open_blocks[name]

    def read_block(self, name):
        self.check()
        if name in self.open_blocks:
            return bytes(self.open_blocks[name][1])
        return read_sealed_block(self.block_path(name))

    def list_blocks(self):
        self.check()
        return sorted(name for name in retried(os.listdir, self.path + "/blocks") if "." not in name)

    # Snapshots: log and sealed blocks never change, so that a list of them is a snapshot.

    def snapshot_path(self, name):
        if not name.isalnum():
            raise Refused("not-found", f"snapshot {name}")
        return f"{self.path}/snapshots/{name}"

    def create_snapshot(self):
        self.check()
        name = new_id()
        manifest = {"seq": len(self.records), "blocks": self.list_blocks()}
        self.changing(put, self.snapshot_path(name), sealed(json.dumps(manifest).encode()))
        return name

    def list_snapshots(self):
        self.check()
        return sorted(name for name in retried(os.listdir, self.path + "/snapshots") if "." not in name)

    def mount_snapshot(self, name):
        self.check()
        try:
            manifest = json.loads(unsealed(read_all(self.snapshot_path(name)), f"snapshot {name}"))
        except FileNotFoundError:
            raise Refused("not-found", f"snapshot {name}") from None
        if manifest["seq"] > len(self.records):
            raise Refused("corrupt", f"snapshot {name} has records that the log has lost")
        return Snapshot(self, manifest)

    def delete_snapshot(self, name):
        self.check()
        path = self.snapshot_path(name)
        if not exists(path):
            raise Refused("not-found", f"snapshot {name}")
        self.changing(self.unlink, path)

    def unlink(self, path):
        retried(os.unlink, path)
        sync_dir(os.path.dirname(path))


class Snapshot:
    """A read-only view of a store."""

    def __init__(self, store, manifest):
        self.path = store.path
        self.records = store.records[: manifest["seq"]]
        self.blocks = manifest["blocks"]
        self.is_open = True

    def check(self):
        if not self.is_open:
            raise Refused("closed", self.path)

    def flush(self):
        self.check()
        return len(self.records)

    def read(self, start, limit):
        self.check()
        return records_of(self.records, start, limit)

    def list_blocks(self):
        self.check()
        return self.blocks

    def read_block(self, name):
        self.check()
        if name not in self.blocks:
            raise Refused("not-found", f"block {name}")
        return read_sealed_block(f"{self.path}/blocks/{name}")

    def close(self):
        self.check()
        self.is_open = False

    def refuse(self, *_):
        self.check()
        raise Refused("read-only", "a snapshot")

    append = create_block = write_block = seal_block = refuse
    create_snapshot = mount_snapshot = list_snapshots = delete_snapshot = refuse


def records_of(records, start, limit):
    first = max(start, 1)
    return [(first + nth, record) for nth, record in enumerate(records[first - 1 : first - 1 + limit])]


def read_sealed_block(path):
    try:
        return unsealed(read_all(path), path)
    except FileNotFoundError:
        raise Refused("not-found", path) from None


def take_lock(fd):
    """Keeps other processes, and other handles of this one, out. The kernel gives it back when the process dies."""
    try:
        retried(fcntl.flock, fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Refused("concurrent-modification", "another handle has the store open") from None


def destroy(path):
    """What says that the store is one goes first, durably; the rest is rubbish then."""
    try:
        lock = retried(os.open, path + "/complete", os.O_RDONLY)
    except FileNotFoundError:
        raise Refused("not-found", path) from None
    try:
        take_lock(lock)
        retried(os.unlink, path + "/complete")
        sync_dir(path)
        remove_rubbish(path)
        sync_dir(os.path.dirname(path))
    finally:
        os.close(lock)


# The host


class Host:
    """Answers requests, one after the other."""

    # Nanoseconds that are reserved at once: syncing for each reading would be slow. A restart skips what was left of them.
    CLOCK_RESERVE = 10 * 10**9

    def __init__(self):
        self.root = None
        self.stores = {}
        self.reserved = None

    def hello(self, protocol, root, **_):
        if protocol != 1:
            raise Refused("unsupported", f"protocol {protocol}")
        self.root = root
        capabilities = {
            "durability": "append",
            "exclusion": "refuse",
            "blocks": True,
            "snapshots": True,
            "append_unit": 1,
            "max_record_len": MAX_RECORD_LEN,
        }
        return {"name": "python-example", "capabilities": capabilities}

    def keep(self, store):
        number = len(self.stores) + 1
        self.stores[number] = store
        return {"store": number}

    def store(self, number):
        if number not in self.stores:
            raise Refused("closed", f"store {number}")
        return self.stores[number]

    def create_store(self, location, **_):
        return self.keep(Store.create(location))

    def open_store(self, location, **_):
        return self.keep(Store.open(location))

    def destroy_store(self, location, **_):
        destroy(location)
        return {}

    def close_store(self, store, **_):
        self.store(store).close()
        return {}

    def append(self, store, data, expected=None, **_):
        return {"seq": self.store(store).append(base64.b64decode(data), expected)}

    def flush(self, store, **_):
        return {"durable": self.store(store).flush()}

    def durable_upto(self, store, **_):
        return {"seq": self.store(store).flush()}

    def read(self, store, limit, **others):
        records = self.store(store).read(others["from"], limit)
        return {"records": [{"seq": seq, "data": base64.b64encode(data).decode()} for seq, data in records]}

    def create_block(self, store, **_):
        return {"block": self.store(store).create_block()}

    def write_block(self, store, block, data, **_):
        self.store(store).write_block(block, base64.b64decode(data))
        return {}

    def seal_block(self, store, block, **_):
        self.store(store).seal_block(block)
        return {}

    def read_block(self, store, block, **_):
        return {"data": base64.b64encode(self.store(store).read_block(block)).decode()}

    def list_blocks(self, store, **_):
        return {"blocks": self.store(store).list_blocks()}

    def create_snapshot(self, store, **_):
        return {"snapshot": self.store(store).create_snapshot()}

    def mount_snapshot(self, store, snapshot, **_):
        return self.keep(self.store(store).mount_snapshot(snapshot))

    def list_snapshots(self, store, **_):
        return {"snapshots": self.store(store).list_snapshots()}

    def delete_snapshot(self, store, snapshot, **_):
        self.store(store).delete_snapshot(snapshot)
        return {}

    def now(self, **_):
        """Greater than every earlier reading: no reading is told that the mark on disk does not cover."""
        path = self.root + "/clock"
        if self.reserved is None:
            mark = int(unsealed(read_all(path), "clock")) if exists(path) else 0
            self.last = mark
            self.reserved = mark
        reading = max(time.time_ns(), self.last + 1)
        if reading > self.reserved:
            put(path, sealed(str(reading + self.CLOCK_RESERVE).encode()))
            self.reserved = reading + self.CLOCK_RESERVE
        self.last = reading
        return {"now": reading}

    def identity(self, **_):
        path = self.root + "/identity"
        if not exists(path):
            put(path, sealed(new_id().encode()))
        # It may have been put there by a process that died before it made the name durable.
        sync_dir(self.root)
        return {"identity": unsealed(read_all(path), "identity").decode()}

    def answer(self, request):
        """What an operation comes to, as an answer's fields."""
        operation = getattr(self, request["op"], None)
        if request["op"] not in OPERATIONS or operation is None:
            return error("unsupported", request["op"])
        try:
            return {"ok": operation(**{name: value for name, value in request.items() if name not in ("id", "op")})}
        except Refused as refused:
            return error(refused.kind, str(refused))
        except OSError as failed:
            return error("no-space" if failed.errno in (28, 122) else "io", str(failed))


OPERATIONS = """hello create_store open_store close_store append flush durable_upto read create_block write_block seal_block
    read_block list_blocks create_snapshot mount_snapshot list_snapshots delete_snapshot destroy_store now identity""".split()


def error(kind, message):
    return {"err": {"code": CODES.get(kind, "STORE_IO_ERROR"), "kind": kind, "message": message}}


def main():
    host = Host()
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"id": request["id"], **host.answer(request)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
