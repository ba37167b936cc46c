/**
 * Programs in Python that builds run as the app's user.
 *
 * Environments of Python have their own place written into their commands. The tree is built in one
 * place and runs in another, and the cache shares environments between releases, so the commands
 * get a first line that finds Python beside itself. Packages that are folders of the app keep a
 * path: the one where the tree will be.
 */

/** Arguments: the environment, where the tree is, where it will be. */
export const relocateScript = `
import os, sys

venv, tree, place = (os.fsencode(each) for each in sys.argv[1:])
relative = b"""#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/python" "$0" "$@"
' '''
"""

def rewrite(path, change):
    if os.path.islink(path) or not os.path.isfile(path):
        return
    with open(path, "rb") as file:
        old = file.read()
    new = change(old)
    if new == old:
        return
    # A new file: the old one may be shared with the cache.
    with open(path + b".new", "wb") as file:
        file.write(new)
    os.chmod(path + b".new", os.stat(path).st_mode | 0o200)
    os.replace(path + b".new", path)

def relocate(old):
    lines = old.split(b"\\n", 3)
    if lines[0].startswith(b"#!" + venv):
        return relative + old.split(b"\\n", 1)[1]
    # What pip writes for a path that is too long for the kernel, or has a space.
    if lines[0] == b"#!/bin/sh" and len(lines) > 3 and lines[1].startswith(b"'''exec' "):
        return relative + lines[3] if venv in lines[1] else old
    return old

commands = os.path.join(venv, b"bin")
for name in os.listdir(commands):
    path = os.path.join(commands, name)
    if name.lower().startswith(b"activate"):
        os.remove(path)
    else:
        rewrite(path, relocate)
for folder, _, names in os.walk(os.path.join(venv, b"lib")):
    if os.path.basename(folder) == b"site-packages":
        for name in names:
            if name.endswith((b".pth", b".egg-link")) or name.startswith(b"__editable__"):
                rewrite(os.path.join(folder, name), lambda old: old.replace(tree, place))
config = os.path.join(venv, b"pyvenv.cfg")
rewrite(config, lambda old: b"".join(
    line for line in old.splitlines(True) if not line.startswith(b"command")
))
`

/** Prints what `project.dependencies` of pyproject.toml says, as requirements. */
export const dependenciesScript = `
try:
    import tomllib
except ImportError:
    from pip._vendor import tomli as tomllib
with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file).get("project", {})
for requirement in project.get("dependencies", []):
    print(requirement)
`
