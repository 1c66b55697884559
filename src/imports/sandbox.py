# Shuts a command off from the network, the builder's processes and the builder's files, then becomes it. Run by a
# native Python; what it starts may be emulated.
#
# Arguments: the throw-away folder, LD_LIBRARY_PATH, how many of the words that follow are the interpreter's command,
# the command and the driver's own arguments. The driver gets one more in front of them, what the kernel allowed:
# "namespaces" (network, processes, mounts), "network" (that alone) or "hook" (nothing: the driver refuses sockets
# itself).
import ctypes
import os
import sys

NEWNS, NEWUSER, NEWPID, NEWNET = 0x20000, 0x10000000, 0x20000000, 0x40000000
RDONLY, REMOUNT, BIND, REC, PRIVATE = 1, 32, 4096, 16384, 1 << 18
# Flags of a mount that a user namespace may not take away: nosuid, nodev, noexec, noatime, nodiratime.
KEPT = 2 | 4 | 8 | 1024 | 2048
PR_SET_PDEATHSIG, SIGKILL = 1, 9

folder, libraries, length, *words = sys.argv[1:]
command, arguments = words[: int(length)], words[int(length) :]
libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def unshare(flags):
    user, group = os.getuid(), os.getgid()
    if libc.unshare(flags) != 0:
        return False
    if flags & NEWUSER:
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"{user} {user} 1")
        write("/proc/self/gid_map", f"{group} {group} 1")
    return True


def mount(source, target, kind, flags):
    words = (word.encode() if word else None for word in (source, target, kind))
    return libc.mount(*words, ctypes.c_ulong(flags), None) == 0


def read_only(path):
    kept = os.statvfs(path).f_flag & KEPT
    mount(None, path, None, REMOUNT | BIND | RDONLY | kept)


die_with_parent()
kind = "hook"
wanted = (("namespaces", NEWNET | NEWNS | NEWPID), ("network", NEWNET))
for name, flags in wanted:
    # Without a user namespace first: that is for root, and keeps owners as they are.
    if unshare(flags) or unshare(flags | NEWUSER):
        kind = name
        break
if kind == "namespaces":
    # The first child of the new process namespace: when it ends, everything in it ends.
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    die_with_parent()
    # Whatever of this is refused is done without; the copy's modes remain.
    mount("none", "/", None, REC | PRIVATE)
    mount("proc", "/proc", "proc", 0)
    for name in ("/root", "/tmp"):
        mount(folder + name, folder + name, None, BIND)
    if not folder.startswith("/tmp/"):
        mount(folder + "/tmp", "/tmp", None, BIND)
    # Lambda has no /dev/shm.
    for path in (folder + "/root", "/", "/dev/shm"):
        read_only(path)
os.chdir(folder + "/root/var/task")
environment = dict(os.environ, LD_LIBRARY_PATH=libraries)
os.execve(command[0], [*command, kind, *arguments], environment)
