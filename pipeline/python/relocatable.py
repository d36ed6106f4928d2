"""Makes the programs of a virtual environment find its Python beside themselves, so that the environment can be moved.

    python relocatable.py ENVIRONMENT

The programs contain the absolute path under which they were installed. The scripts that "activate" an environment
contain it too, and are removed.
"""

import pathlib
import re
import sys

# sh runs the second line; Python reads it and the third as one string.
HEADER = b"""#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/python" "$0" "$@"
' '''
"""
# What pip writes: the second form if the path is long or contains a blank.
WRITTEN = re.compile(rb"#![^\n]*python[^\n]*\n|#!/bin/sh\n'''exec' [^\n]*\n' '''\n")

for program in pathlib.Path(sys.argv[1], "bin").iterdir():
    if program.name.lower().startswith("activate"):
        program.unlink()
    elif not program.is_symlink():
        text = program.read_bytes()
        written = WRITTEN.match(text)
        if written:
            program.write_bytes(HEADER + text[written.end() :])
