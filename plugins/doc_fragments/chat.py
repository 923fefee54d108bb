# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The chat of the modules that tell people what happened."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  chat:
    description: Where people are told what happened. A chat that does not answer holds nothing up and fails nothing; it is a warning, once.
    type: dict
    suboptions:
      webhook_url:
        description: The URL of an incoming webhook in Slack's format. Empty tells nobody.
        type: str
        default: ""
      platform:
        description: The name of the platform in the messages.
        type: str
        default: ""
      look:
        description: The command in the messages that shows more.
        type: str
        default: ansible-playbook playbooks/timeline.yml
"""
