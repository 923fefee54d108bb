#!/usr/bin/env bash
# The lab's host as production has it: reached by SSH, as somebody without rights of their own, who has sudo.
#   ssh.sh up DIRECTORY     an sshd on the loopback, on the port of the lab's .env; keys in DIRECTORY/ssh
#   ssh.sh down DIRECTORY   ends it; the user goes with the last one
set -euo pipefail

user=smartsports-oncall
home=/var/lib/$user
lab=$(realpath "$2")
name=$(basename "$lab")
here=$lab/ssh
say() { printf '\033[2m· %s\033[0m\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
# Ours, and no later process of that number.
runs() { [ -f "$here/sshd.pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$(cat "$here/sshd.pid")/cmdline" | grep -qF "$here/sshd_config"; }

install_missing() {
  local missing=()
  command -v sudo >/dev/null || missing+=(sudo)
  [ -x /usr/sbin/sshd ] || missing+=(openssh-server)
  command -v ssh >/dev/null || missing+=(openssh-client)
  [ ${#missing[@]} = 0 ] && return
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then die "${missing[*]} is missing; install it and run this again."; fi
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  # The system's own sshd is not to be started: the lab has one that listens on the loopback alone.
  local policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1 ||
    { apt-get update -qq >/dev/null 2>&1; apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; }
  if [ -d /run/systemd/system ] && [[ " ${missing[*]} " == *" openssh-server "* ]]; then systemctl disable --quiet ssh; fi
}

add_user() {
  id "$user" >/dev/null 2>&1 || useradd --system --create-home --home-dir "$home" --shell /bin/bash --password '*' "$user"
  printf '%s ALL=(ALL) NOPASSWD: ALL\n' "$user" >"/etc/sudoers.d/$user"
  chmod 0440 "/etc/sudoers.d/$user"
  install -d -m 0700 -o "$user" -g "$user" "$home/.ssh"
}

up() {
  runs && return
  install -d -m 0700 "$here"
  install_missing
  add_user
  for key in host_key id_ed25519; do
    [ -f "$here/$key" ] || ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$here/$key"
  done
  install -m 0600 -o "$user" -g "$user" "$here/id_ed25519.pub" "$home/.ssh/$name"
  local port; port=$(sed -n 's/^LAB_SSH_PORT=//p' "$lab/.env")
  printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d ' ' -f 1,2 "$here/host_key.pub")" >"$here/known_hosts"
  cat >"$here/sshd_config" <<END
ListenAddress 127.0.0.1
Port $port
HostKey "$here/host_key"
PidFile "$here/sshd.pid"
AuthorizedKeysFile "%h/.ssh/$name"
AllowUsers $user
AuthenticationMethods publickey
PasswordAuthentication no
UsePAM no
Subsystem sftp internal-sftp
# As many connections at once as a test opens.
MaxStartups 50
MaxSessions 50
END
  mkdir -p /run/sshd
  /usr/sbin/sshd -f "$here/sshd_config" -E "$here/log" 9>&- || die "sshd did not start; the reason is in $here/log."
  for _ in $(seq 50); do runs && return; sleep 0.1; done
  die "sshd did not start within 5 s; the reason is in $here/log."
}

down() {
  if runs; then
    local server; server=$(cat "$here/sshd.pid")
    # Connections are kept for a minute: they end first, or their user could not be removed.
    pkill --parent "$server" || true
    kill "$server"
    for _ in $(seq 50); do pgrep --uid "$user" >/dev/null || break; sleep 0.1; done
  fi
  rm -f "$home/.ssh/$name"
  if [ -d "$home/.ssh" ] && [ -z "$(ls -A "$home/.ssh")" ]; then
    userdel --remove "$user" 2>/dev/null # it says that there is no mail
    rm -f "/etc/sudoers.d/$user"
  fi
}

# Two labs at once share the user. The sshd must not keep the lock.
exec 9>/run/lock/smartsports-lab-ssh
flock 9

case $1 in
  up) up ;;
  down) down ;;
  *) die "'$1' is neither up nor down." ;;
esac
