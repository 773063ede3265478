//! A line of every format, ending at each byte and damaged at each byte: each line is counted once, and a cut one tells no flow without
//! the ports that the whole one has.

use super::{FORMATS, LogCounters, LogParser};
use record::{LogEntry, Timestamp};
use std::collections::BTreeSet;

/// Format, lines before that it needs (heads), and a line.
const LINES: [(&str, &str, &str); 19] = [
    (
        "zeek",
        "#separator \\x09\n#path\tconn\n#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tconn_state\torig_pkts",
        "1772612130.5\t192.0.2.1\t50001\t203.0.113.1\t443\ttcp\tSF\t9",
    ),
    (
        "eve",
        "",
        r#"{"timestamp":"2026-03-04T08:15:30.0+0000","event_type":"flow","src_ip":"192.0.2.2","src_port":50002,"dest_ip":"203.0.113.2","dest_port":443,"proto":"TCP","flow":{"pkts_toserver":3,"bytes_toserver":300}}"#,
    ),
    (
        "zeek_json",
        "",
        r#"{"ts":1772612130.5,"id.orig_h":"192.0.2.3","id.orig_p":50003,"id.resp_h":"203.0.113.3","id.resp_p":443,"proto":"tcp","conn_state":"SF","orig_pkts":9}"#,
    ),
    (
        "gcp_vpc",
        "",
        r#"{"jsonPayload":{"bytes_sent":"900","connection":{"dest_ip":"203.0.113.4","dest_port":443,"protocol":6,"src_ip":"192.0.2.4","src_port":50004},"packets_sent":"9","reporter":"SRC"},"timestamp":"2026-03-04T08:15:30Z"}"#,
    ),
    ("azure_flows", "", "\"1772612130,192.0.2.5,203.0.113.5,50005,443,T,O,A,E,9,900,7,700\""),
    (
        "argus",
        "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,TotPkts,TotBytes,SrcBytes,SrcPkts",
        "2026/03/04 08:15:30.5,1.5,tcp,192.0.2.6,50006,   ->,203.0.113.6,443,FSPA_FSPA,16,1600,900,9",
    ),
    (
        "aws_vpc",
        "",
        "2 100000000001 eni-0a0b0c0d 192.0.2.7 203.0.113.7 50007 443 6 9 900 1772612130 1772612190 ACCEPT OK",
    ),
    (
        "suricata_fast",
        "",
        "03/04/2026-08:15:30.250000  [**] [1:9000017:3] LAB X [**] [Classification: Potentially Bad Traffic] [Priority: 2] {TCP} 192.0.2.8:50008 -> 203.0.113.8:443",
    ),
    (
        "netfilter",
        "",
        "Mar  4 08:15:30 edge1 kernel: [BLOCK] IN=wan0 OUT= SRC=192.0.2.9 DST=203.0.113.9 LEN=60 TTL=51 PROTO=TCP SPT=50009 DPT=443 WINDOW=512 SYN",
    ),
    (
        "cisco",
        "",
        "Mar 04 2026 08:15:30: %FTD-6-430003: AccessControlRuleAction: Allow, SrcIP: 192.0.2.10, DstIP: 203.0.113.10, SrcPort: 50010, DstPort: 443, Protocol: tcp, InitiatorPackets: 9",
    ),
    (
        "cef",
        "",
        "CEF:0|Fortinet|Fortigate|v7.4.1|00013|traffic:forward close|3|cat=traffic:forward src=192.0.2.11 spt=50011 dst=203.0.113.11 dpt=443 proto=6 act=close out=900 in=700",
    ),
    (
        "cef",
        "",
        "CEF:0|Palo Alto Networks|LF|2.0|TRAFFIC|end|3|src=192.0.2.12 dst=203.0.113.12 spt=50012 dpt=443 proto=tcp act=deny out=900 in=700 PanOSPacketsSent=9",
    ),
    (
        "juniper",
        "",
        "RT_FLOW_SESSION_CLOSE: session closed TCP FIN: 192.0.2.13/50013->203.0.113.13/443 0x0 None 192.0.2.13/50013->203.0.113.13/443 0x0 N/A N/A source rule out 6 web office uplink 70001 12(3400) 9(1200) 8 UNKNOWN",
    ),
    (
        "filterlog",
        "",
        "7,,,31,igb1,match,block,in,4,0x10,,63,9001,0,none,6,tcp,60,192.0.2.14,203.0.113.14,50014,443,0,S,1000,,512,,",
    ),
    (
        "palo_alto",
        "",
        "1,2026/03/04 08:15:50,009,TRAFFIC,start,2561,2026/03/04 08:15:50,192.0.2.15,203.0.113.15,,,web out,,,ssl,vsys1,office,uplink,ae1,ae2,own-log,2026/03/04 08:15:50,70011,1,50015,443,0,0,0x1a,tcp,allow,43",
    ),
    (
        "mikrotik",
        "",
        "2026-03-04T08:15:30Z gw firewall,info drop-guests input: in:sfp1 out:(unknown 0), proto TCP (SYN), 192.0.2.16:50016->203.0.113.16:443, len 60",
    ),
    (
        "key_value",
        "",
        "date=2026-03-04 time=08:15:30 logid=\"0000000013\" type=\"traffic\" srcip=192.0.2.17 srcport=50017 dstip=203.0.113.17 dstport=443 proto=6 action=\"close\" sentbyte=900 rcvdbyte=700",
    ),
    (
        "key_value",
        "",
        "id=firewall time=\"2026-03-04 08:15:30\" fw=\"edge2\" logtype=\"connection\" src=192.0.2.18 srcport=50018 dst=203.0.113.18 dstport=443 ipproto=tcp sent=900 rcvd=700",
    ),
    ("syslog", "", "Mar  4 08:15:30 edge1 door[7]: opened"),
];

fn parser(heads: &str) -> LogParser {
    let (mut parser, mut out) = (LogParser::new(Timestamp(0)), Vec::new());
    heads.lines().for_each(|line| parser.line(line.as_bytes(), false, &mut out));
    parser
}

fn read(before: &LogParser, bytes: &[u8]) -> (Vec<LogEntry>, LogCounters) {
    let (mut parser, mut out) = (before.clone(), Vec::new());
    parser.line(bytes, false, &mut out);
    let counters = parser.counters().clone();
    let accounted = counters.used + counters.heads + counters.not_used.total() + counters.unreadable.total();
    assert_eq!(accounted, counters.lines, "{:?}", String::from_utf8_lossy(bytes));
    (out, counters)
}

#[test]
fn every_format_has_a_line_here_that_it_reads() {
    let mut read_by = BTreeSet::new();
    for (format, heads, line) in LINES {
        let (_, counters) = read(&parser(heads), line.as_bytes());
        assert_eq!(counters.unreadable.total(), 0, "{line}: {counters:?}");
        assert!(counters.formats.0.contains_key(format), "{line}: {counters:?}");
        read_by.insert(format);
    }
    assert_eq!(read_by, FORMATS.iter().map(|format| format.name()).collect());
}

#[test]
fn a_line_that_ends_at_any_byte_tells_no_flow_without_its_ports() {
    for (_, heads, line) in LINES {
        let before = parser(heads);
        let mut unreadable = 0;
        for end in 1..line.len() {
            let (entries, counters) = read(&before, &line.as_bytes()[..end]);
            assert_eq!(counters.lines, before.counters().lines + 1);
            unreadable += counters.unreadable.total();
            for entry in entries {
                let LogEntry::Flow(logged) = entry else { continue };
                let (src, dest) = (logged.flow.src.port, logged.flow.dest.port);
                assert_eq!((logged.flow.proto, src / 1000), (6, 50), "{}", &line[..end]);
                // The cut may go through the last port.
                assert!([4, 44, 443].contains(&dest), "{dest}: {}", &line[..end]);
            }
        }
        assert!(unreadable > 5, "{unreadable} of {line}");
    }
}

#[test]
fn any_byte_may_be_another() {
    for (_, heads, line) in LINES {
        let before = parser(heads);
        for place in 0..line.len() {
            for other in [0, b'\t', b' ', b'"', b'-', b'9', b'[', b'{', 0x80, 0xc3, 0xff] {
                let mut bytes = line.as_bytes().to_vec();
                bytes[place] = other;
                let (entries, counters) = read(&before, &bytes);
                assert_eq!(counters.lines, before.counters().lines + 1);
                assert!(entries.len() <= 1);
            }
        }
    }
}

#[test]
fn a_session_told_again_needs_what_came_since() {
    let total = LINES[16].2.replace("0000000013", "0000000020").replace("close", "accept");
    let (entries, counters) = read(&parser(""), total.as_bytes());
    assert!(entries.is_empty());
    assert_eq!(counters.unreadable.0.get("line_cut"), Some(&1));
    let (entries, _) = read(&parser(""), format!("{total} sentpkt=50 sentdelta=40").as_bytes());
    let [LogEntry::Flow(logged)] = entries.as_slice() else { panic!("{entries:?}") };
    // Packets since are not told: the total so far is not taken for them.
    assert_eq!((logged.flow.forward.bytes, logged.flow.forward.packets), (40, 0));
}
