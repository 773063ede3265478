#!/usr/bin/env bash
# rsyslog.sh KIND PORT DIR: rsyslogd on loopback for the tests, KIND udp, tcp or tls (certificates in DIR); what comes is a line of DIR/KIND.log.
set -euo pipefail
kind=$1; port=$2; dir=$(realpath "$3")
case $kind in
udp) listen="module(load=\"imudp\")
input(type=\"imudp\" address=\"127.0.0.1\" port=\"$port\")" ;;
tcp) listen="module(load=\"imtcp\")
input(type=\"imtcp\" address=\"127.0.0.1\" port=\"$port\")" ;;
tls) listen="global(DefaultNetstreamDriver=\"gtls\" DefaultNetstreamDriverCAFile=\"$dir/ca.pem\"
  DefaultNetstreamDriverCertFile=\"$dir/server.pem\" DefaultNetstreamDriverKeyFile=\"$dir/server.key\")
module(load=\"imtcp\" StreamDriver.Name=\"gtls\" StreamDriver.Mode=\"1\" StreamDriver.AuthMode=\"anon\")
input(type=\"imtcp\" address=\"127.0.0.1\" port=\"$port\")" ;;
*) echo "rsyslog.sh: udp, tcp or tls, not $kind" >&2; exit 2 ;;
esac
mkdir -p "$dir/$kind.work"
cat > "$dir/$kind.conf" <<CONF
global(workDirectory="$dir/$kind.work" maxMessageSize="64k")
$listen
template(name="raw" type="string" string="%rawmsg%\\n")
action(type="omfile" file="$dir/$kind.log" template="raw")
CONF
PATH=$PATH:/usr/sbin:/sbin exec rsyslogd -n -C -f "$dir/$kind.conf" -i "$dir/$kind.pid"
