"""The command `device-manager`: starts the programs, and does what people do by hand.

How it is laid out, and how a command is added:

- `cli` is the root and nothing else: one line for each command.
- `commands/` has one module for each command, called as the command is. A command without sub-commands is a
  function `run` with the options as parameters; a command with some (`unclaimed list`) is a `typer.Typer`
  called `app`, made by `terminal.group`. The docstring is the help text.
- A command reads options, calls what does the work, and prints. What it prints goes through `terminal`:
  `terminal.show` for tables (with `--output table|json|yaml`), `terminal.say` for sentences, `terminal.fail`
  for the end with an exit code of `terminal.Exit`.
- Errors of the core (`RegistryError`) are not caught in commands: the root tells them in one line without a
  traceback, with the exit code that fits.
- What is heavy (kopf, FastAPI, drivers) is imported inside the function that needs it, so that `--help` and
  completion answer at once: modules of `commands/` import `terminal` and `options`, and what a command does
  stands in `actions/`, which the command imports when it is run.
"""
