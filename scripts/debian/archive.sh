# Sourced by the scripts that fetch programs from Debian. An apt that works in a folder of its own, so that nothing of the machine
# is read or changed but Debian's keys: what is fetched is checked against these, unpacked and never installed.
#
# MEDIATED_DEBIAN_MIRROR    where packages come from (default: http://deb.debian.org/debian)
# MEDIATED_DEBIAN_KEYRING   Debian's keys (default: where the package debian-archive-keyring puts them)

debian_mirror=${MEDIATED_DEBIAN_MIRROR:-http://deb.debian.org/debian}
debian_keyring=${MEDIATED_DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}

# refuse REASON: what was to be fetched cannot be had on this machine.
refuse() {
  echo "$1" >&2
  exit 3
}

# debian_architecture NAME...: prints Debian's name of this machine's processor if it is one of those.
debian_architecture() {
  local name
  case $(uname -m) in
    x86_64) name=amd64 ;;
    aarch64) name=arm64 ;;
    *) name=none ;;
  esac
  [[ " $* " == *" $name "* ]] || refuse "the packages are for $*, this machine is $(uname -m)"
  echo "$name"
}

# begin_apt FOLDER ARCHITECTURE SUITE...: apt-get and apt-cache work in FOLDER from now on, for a machine on which nothing is
# installed: all that a package needs comes along. Their lists are fetched.
begin_apt() {
  local folder=$1 architecture=$2 program suite
  shift 2
  for program in apt-get dpkg-deb tar; do
    command -v "$program" >/dev/null || refuse "there is no $program on this machine"
  done
  [ -r "$debian_keyring" ] || refuse "there is no keyring of Debian at $debian_keyring"
  mkdir -p "$folder"/{lists/partial,archives/partial,etc/apt.conf.d,etc/preferences.d}
  : >"$folder/status"
  for suite in "$@"; do
    echo "deb [arch=$architecture signed-by=$debian_keyring] $debian_mirror $suite main"
  done >"$folder/sources.list"
  cat >"$folder/apt.conf" <<CONF
Dir "$folder";
Dir::State "$folder";
Dir::State::status "$folder/status";
Dir::Cache "$folder";
Dir::Cache::archives "$folder/archives";
Dir::Etc "$folder/etc";
Dir::Etc::sourcelist "$folder/sources.list";
Dir::Etc::sourceparts "-";
Dir::Log "$folder";
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
CONF
  export APT_CONFIG=$folder/apt.conf
  apt-get update >&2
}
