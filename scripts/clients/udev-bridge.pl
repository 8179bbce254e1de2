# Tells listeners of udev about uevents that no kernel sent: reads one event per line, its variables separated by the
# character 31, and multicasts it as udevd does when it has handled an event. Needs root, in its own network namespace; run by
# the libvirt test there, where nobody else listens.
use strict;
use warnings;
use Socket;

my ($AF_NETLINK, $NETLINK_KOBJECT_UEVENT, $GROUP_UDEV) = (16, 15, 2);
my $HEADER_BYTES = 40;

socket(my $netlink, $AF_NETLINK, SOCK_RAW, $NETLINK_KOBJECT_UEVENT) or die "netlink: $!";
my $everybody = pack('S S L L', $AF_NETLINK, 0, 0, $GROUP_UDEV);
while (my $line = <STDIN>) {
  chomp $line;
  my $properties = join('', map { "$_\0" } split(/\x1f/, $line), 'USEC_INITIALIZED=1');
  # Prefix, magic number in network order, sizes, and the hashes by which listeners filter: none of ours does.
  my $header = pack('a8 N L L L N N N N', "libudev\0", 0xfeedcafe, $HEADER_BYTES, $HEADER_BYTES, length $properties, 0, 0, 0, 0);
  defined send($netlink, $header . $properties, 0, $everybody) or $!{ECONNREFUSED} or die "send: $!";
}
