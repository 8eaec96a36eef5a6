#!/usr/bin/env perl
# A program for an `exec` stage in `serve` mode. Says when it got the task (ns since the epoch), then sleeps for `milliseconds`. In Perl, since 24 of it
# share two processors with six nodes: what is measured is the nodes.
use strict;
use warnings;
use Time::HiRes qw(clock_gettime usleep CLOCK_REALTIME);

$| = 1;
while (my $line = <STDIN>) {
    my $got = sprintf("%.0f", clock_gettime(CLOCK_REALTIME) * 1e9);
    my ($milliseconds) = $line =~ /"milliseconds":\s*(\d+)/ or die "no milliseconds in $line";
    usleep($milliseconds * 1000);
    print qq({"output":{"name":"got","value":$got}}\n{"done":true}\n);
}
