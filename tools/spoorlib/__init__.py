# SPDX-License-Identifier: MIT
"""The command `spoor`: one module per subcommand, and what they share."""
