#!/usr/bin/env bash
# kafka.sh: Apache Kafka on loopback for tests: one node in KRaft mode, from its published jars (Maven Central).
#   kafka.sh install                              into ${TRIPLINE_SERVICES:-target/services}/kafka
#   kafka.sh run DIR PORT [TLS_PORT SASL_PORT]    in the foreground: data, settings and log under DIR; the same DIR again is the same broker.
# With TLS_PORT and SASL_PORT there are a listener with TLS and one with TLS and passwords too: user `tripline`, password `correct horse`, by PLAIN,
# SCRAM-SHA-256 and SCRAM-SHA-512; their authority is DIR/certificates/ca.pem, a client's certificate is client.pem with client.key.
# REQUIRE_CLIENT_CERTIFICATE=1 has the TLS listener demand one. The broker's process is that of the script (exec).
set -euo pipefail
version=4.1.1 slf4j=1.7.36
scripts=$(cd "$(dirname "$0")" && pwd)
home=${TRIPLINE_SERVICES:-$scripts/../../target/services}/kafka
password='correct horse'

fail() { echo "kafka: $1" >&2; exit 1; }

install() {
    [ -e "$home/installed-$version" ] && return
    command -v java >/dev/null || fail "needs Java 17 or newer (java is not in PATH)"
    command -v mvn >/dev/null || fail "needs Maven to fetch the published jars (mvn is not in PATH)"
    rm -rf "$home"; mkdir -p "$home"
    cat >"$home/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tripline.tests</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>$slf4j</version></dependency>
</dependencies></project>
POM
    mvn -q -B -f "$home/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$home/jars" \
        || fail "Maven could not fetch Apache Kafka $version"
    touch "$home/installed-$version"
}

certificates() {  # DIR: an authority, the broker's certificate and key in one file, a client's.
    [ -e "$1/broker.pem" ] && return
    mkdir -p "$1"
    "$scripts/../test-servers/certificates.sh" "$1"
    openssl pkcs8 -topk8 -nocrypt -in "$1/server.key" -out "$1/server.pk8"
    cat "$1/server.pk8" "$1/server.pem" >"$1/broker.pem"
}

settings() {  # DIR PORT CONTROLLER_PORT [TLS_PORT SASL_PORT]: what the broker reads.
    local listeners="PLAINTEXT://127.0.0.1:$2"
    [ -z "${4:-}" ] || listeners="$listeners,SSL://127.0.0.1:$4,SASL_SSL://127.0.0.1:$5"
    cat <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$3
controller.listener.names=CONTROLLER
listeners=$listeners,CONTROLLER://127.0.0.1:$3
advertised.listeners=$listeners
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL
inter.broker.listener.name=PLAINTEXT
log.dirs=$1/data
num.partitions=1
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=8388608
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
message.max.bytes=8388608
PROPERTIES
    [ -n "${4:-}" ] || return 0
    local login="org.apache.kafka.common.security"
    cat <<PROPERTIES
ssl.keystore.type=PEM
ssl.keystore.location=$1/certificates/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location=$1/certificates/ca.pem
listener.name.ssl.ssl.client.auth=${REQUIRE_CLIENT_CERTIFICATE:+required}
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=$login.plain.PlainLoginModule required username="broker" password="none" user_tripline="$password";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=$login.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=$login.scram.ScramLoginModule required;
PROPERTIES
}

run() {  # DIR PORT [TLS_PORT SASL_PORT]
    [ -e "$home/installed-$version" ] || fail "is not installed: run \`scripts/services/kafka.sh install\`"
    local directory controller
    mkdir -p "$1"; directory=$(cd "$1" && pwd)
    # The controller's port is kept, because the quorum's members are written with it.
    [ -e "$directory/controller.port" ] || free_port >"$directory/controller.port"
    controller=$(cat "$directory/controller.port")
    [ -z "${3:-}" ] || certificates "$directory/certificates"
    settings "$directory" "$2" "$controller" "${3:-}" "${4:-}" | sed '/client.auth=$/d' >"$directory/server.properties"
    local java=(java -cp "$home/jars/*" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -XX:TieredStopAtLevel=1 -XX:+UseSerialGC)
    if [ ! -e "$directory/data/meta.properties" ]; then
        "${java[@]}" -Xmx128m kafka.tools.StorageTool format --config "$directory/server.properties" --cluster-id dHJpcGxpbmUtdGVzdHMtMQ \
            --add-scram "SCRAM-SHA-256=[name=tripline,password=$password]" \
            --add-scram "SCRAM-SHA-512=[name=tripline,password=$password]" >"$directory/format.log" 2>&1 \
            || fail "the folder could not be formatted: $(tail -n 1 "$directory/format.log")"
    fi
    exec "${java[@]}" -Xmx384m kafka.Kafka "$directory/server.properties" >>"$directory/broker.log" 2>&1
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

case ${1:-} in
    install) install ;;
    run) [ $# = 3 ] || [ $# = 5 ] || fail "usage: kafka.sh run DIR PORT [TLS_PORT SASL_PORT]"; shift; run "$@" ;;
    *) fail "usage: kafka.sh install | kafka.sh run DIR PORT [TLS_PORT SASL_PORT]" ;;
esac
