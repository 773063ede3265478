//! Live capture between two network namespaces joined by a veth pair. Needs root; the outer test makes the namespaces
//! and runs the inner one, and its sender, inside them.
#![allow(clippy::unwrap_used)]

mod common;

use record::FrameHeader;
use source::{Filter, FrameSender, FrameSource, LiveCapture, LiveConfig, SourceError, interfaces, open_live};
use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SENDER_SPACE: &str = "tlsrcA";
const RECEIVER_SPACE: &str = "tlsrcB";
const PACKETS: usize = 100_000;

/// Removes the namespaces whatever happens.
struct Spaces;
impl Drop for Spaces {
    fn drop(&mut self) {
        for space in [SENDER_SPACE, RECEIVER_SPACE] {
            let _ = common::run("ip", &["netns", "del", space]);
        }
    }
}

fn make_spaces() -> Option<Spaces> {
    for space in [SENDER_SPACE, RECEIVER_SPACE] {
        let _ = common::run("ip", &["netns", "del", space]);
        if !common::run("ip", &["netns", "add", space]).status.success() {
            return None;
        }
    }
    let spaces = Spaces;
    let peer = ["peer", "name", "tlb0", "netns", RECEIVER_SPACE];
    common::must("ip", &[&["link", "add", "tla0", "netns", SENDER_SPACE, "type", "veth"][..], &peer[..]].concat());
    for (space, link) in [(SENDER_SPACE, "tla0"), (RECEIVER_SPACE, "tlb0"), (RECEIVER_SPACE, "lo")] {
        // No neighbour discovery of our own among the frames that are counted.
        common::must("ip", &["netns", "exec", space, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"]);
        common::must("ip", &["-n", space, "link", "set", link, "up"]);
    }
    Some(spaces)
}

/// Runs one ignored test of this program inside a namespace.
fn inside(space: &str, test: &str, scenario: &str) -> Child {
    let program = std::env::current_exe().unwrap();
    Command::new("ip")
        .args(["netns", "exec", space])
        .arg(program)
        .args(["--ignored", "--exact", test, "--nocapture"])
        .env("TRIPLINE_LIVE_SCENARIO", scenario)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn live_capture_on_a_veth_pair() {
    if !source::may_capture() || common::run("ip", &["netns"]).status.code() != Some(0) {
        eprintln!("SKIP live_capture_on_a_veth_pair: needs root and iproute2");
        return;
    }
    let Some(_spaces) = make_spaces() else {
        eprintln!("SKIP live_capture_on_a_veth_pair: network namespaces are not allowed here");
        return;
    };
    assert!(inside(RECEIVER_SPACE, "receiver", "all").wait().unwrap().success());
}

/// An Ethernet frame with UDP over IPv4.
fn udp(from: [u8; 4], to: [u8; 4], ports: (u16, u16), payload: usize) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
    frame.extend((28 + payload as u16).to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
    frame.extend(from);
    frame.extend(to);
    frame.extend(ports.0.to_be_bytes());
    frame.extend(ports.1.to_be_bytes());
    frame.extend((8 + payload as u16).to_be_bytes());
    frame.extend([0, 0]);
    frame.resize(frame.len() + payload, 0x5a);
    frame
}

fn tagged(frame: &[u8], kind: u16, tag: u16) -> Vec<u8> {
    [&frame[..12], &kind.to_be_bytes(), &tag.to_be_bytes(), &frame[12..]].concat()
}

/// What each scenario sends: frame number to frame.
fn frame(scenario: &str, number: usize) -> Vec<u8> {
    let flow = (number / 2 % 500) as u16;
    let (a, b) = ([10, 0, (flow >> 8) as u8, flow as u8], [192, 0, 2, 1]);
    let plain = match number % 2 {
        0 => udp(a, b, (20_000 + flow, 7001), 20 + number % 1000),
        _ => udp(b, a, (7001, 20_000 + flow), 20 + number % 100),
    };
    match scenario {
        "tags" if number.is_multiple_of(2) => tagged(&plain, 0x8100, 0x6064),
        "tags" => tagged(&tagged(&plain, 0x8100, 7), 0x88a8, 200),
        "filter" => match number % 4 {
            0 => plain,
            1 => tagged(&plain, 0x8100, 100),
            2 => udp(a, b, (1, 53), 30),
            _ => tagged(&udp(a, b, (1, 53), 30), 0x8100, 101),
        },
        _ => plain,
    }
}

#[test]
#[ignore = "started by live_capture_on_a_veth_pair inside the sender's namespace"]
fn sender() {
    let Ok(scenario) = std::env::var("TRIPLINE_LIVE_SCENARIO") else { return };
    let sender = FrameSender::open("tla0").unwrap();
    let count = if scenario == "plain" || scenario == "fanout" { PACKETS } else { 4000 };
    let frames: Vec<Vec<u8>> = (0..count).map(|number| frame(&scenario, number)).collect();
    for batch in frames.chunks(500) {
        sender.send(&batch.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Captures until the sender has ended and nothing has come for half a second.
fn capture(captures: &mut [LiveCapture], scenario: &str, mut each: impl FnMut(usize, &FrameHeader, &[u8])) {
    let mut child = inside(SENDER_SPACE, "sender", scenario);
    let (mut headers, mut last, mut ended) = (Vec::new(), Instant::now(), None);
    while ended.is_none() || last.elapsed() < Duration::from_millis(500) {
        for (worker, source) in captures.iter_mut().enumerate() {
            let bytes = source.next_batch(&mut headers).unwrap().unwrap();
            for header in &headers {
                each(worker, header, &bytes[header.offset..header.offset + header.captured_len as usize]);
            }
            if !headers.is_empty() {
                last = Instant::now();
            }
        }
        if ended.is_none() {
            ended = child.try_wait().unwrap();
            last = Instant::now();
        }
    }
    assert!(child.wait().unwrap().success());
}

fn config() -> LiveConfig {
    LiveConfig::new("tlb0")
}

fn drops(captures: &[LiveCapture]) -> u64 {
    captures.iter().map(|capture| capture.kernel_counts().drops).sum()
}

/// sent = counted + dropped, and what is counted is whole.
fn plain() {
    let mut captures = open_live(&config()).unwrap();
    let (mut count, mut bytes) = (0u64, 0u64);
    capture(&mut captures, "plain", |_, header, got| {
        assert_eq!((header.wire_len, header.captured_len as usize), (got.len() as u32, got.len()));
        assert_eq!(got[got.len() - 1], 0x5a);
        count += 1;
        bytes += u64::from(header.wire_len);
    });
    assert_eq!(count + drops(&captures), PACKETS as u64);
    let stats = captures[0].stats();
    assert_eq!((stats.packets, stats.bytes), (count, bytes));
    assert_eq!(captures[0].kernel_counts().packets, PACKETS as u64);
    assert!(stats.freezes <= stats.dropped.total() && stats.interfaces == ["tlb0"]);
}

fn tags() {
    let mut captures = open_live(&config()).unwrap();
    let mut seen = 0usize;
    capture(&mut captures, "tags", |_, header, got| {
        assert_eq!(got, frame("tags", seen), "frame {seen}");
        assert_eq!(header.wire_len as usize, got.len());
        seen += 1;
    });
    assert_eq!(seen as u64 + drops(&captures), 4000);
}

/// The kernel's program passes what the same filter passes over the frames as sent.
fn filters() {
    for expression in [
        "udp port 7001",
        "vlan and port 7001",
        "vlan 100",
        "vlan 101 and udp port 53",
        "udp and not vlan",
        "ether[14:2] = 101 or port 7001",
        "ether[12:4] = 0x81000064",
        "udp and not port 7001",
        "vlan or port 53",
        "less 80",
    ] {
        let filter = Filter::parse(expression).unwrap();
        let link = record::LinkType::ETHERNET;
        let expected =
            (0..4000).filter(|n| filter.matches(link, &frame("filter", *n), frame("filter", *n).len() as u32)).count();
        assert!(expected > 0 && expected < 4000, "{expression}");
        let mut captures = open_live(&LiveConfig { filter: Some(filter.clone()), ..config() }).unwrap();
        let mut count = 0;
        capture(&mut captures, "filter", |_, header, got| {
            assert!(filter.matches(link, got, header.wire_len), "{expression}");
            count += 1;
        });
        assert_eq!(count + drops(&captures) as usize, expected, "{expression}");
    }
}

/// Both directions of a flow meet the same worker, and no frame meets two.
fn fanout() {
    let mut captures = open_live(&LiveConfig { workers: 2, ..config() }).unwrap();
    let mut workers: HashMap<(Vec<u8>, Vec<u8>), usize> = HashMap::new();
    let mut counts = [0u64; 2];
    capture(&mut captures, "fanout", |worker, _, got| {
        let (a, b) = ([&got[26..30], &got[34..36]].concat(), [&got[30..34], &got[36..38]].concat());
        assert_eq!(*workers.entry((a.clone().min(b.clone()), a.max(b))).or_insert(worker), worker);
        counts[worker] += 1;
    });
    assert_eq!(counts[0] + counts[1] + drops(&captures), PACKETS as u64);
    assert!(counts.iter().all(|count| *count > PACKETS as u64 / 4), "{counts:?}");
    assert_eq!(workers.len(), 500);
}

fn snap_length_and_silence() {
    let mut captures = open_live(&LiveConfig { snap_len: 40, ..config() }).unwrap();
    let mut headers = Vec::new();
    let start = Instant::now();
    assert!(captures[0].next_batch(&mut headers).unwrap().is_some() && headers.is_empty());
    assert!(start.elapsed() < Duration::from_secs(2));
    capture(&mut captures, "short", |_, header, got| assert!(got.len() == 40 && header.wire_len > 40));
}

fn loopback_frames_come_once() {
    let mut captures = open_live(&LiveConfig::new("lo")).unwrap();
    let sender = FrameSender::open("lo").unwrap();
    let frame = udp([127, 0, 0, 1], [127, 0, 0, 2], (9, 9), 40);
    sender.send(&[frame.as_slice(); 50]).unwrap();
    let (mut headers, mut count) = (Vec::new(), 0);
    for _ in 0..5 {
        let bytes = captures[0].next_batch(&mut headers).unwrap().unwrap();
        count += headers.iter().filter(|h| bytes[h.offset..h.offset + h.captured_len as usize] == frame).count();
    }
    assert_eq!(count, 50);
}

fn errors() {
    let error = |config: &LiveConfig| open_live(config).unwrap_err().to_string();
    let unknown = error(&LiveConfig::new("nosuch0"));
    assert!(unknown.contains("`nosuch0`") && unknown.contains("tlb0") && unknown.contains("lo"), "{unknown}");
    assert!(error(&LiveConfig { workers: 0, ..config() }).contains("1 to 64"));
    let listed = interfaces().unwrap();
    let ours = listed.iter().find(|interface| interface.name == "tlb0").unwrap();
    assert!(ours.up && ours.can_capture && ours.mtu_bytes == 1500 && !ours.mac.is_zero());
}

fn interface_goes_down() {
    let mut captures = open_live(&config()).unwrap();
    common::must("ip", &["link", "set", "tlb0", "down"]);
    let mut headers = Vec::new();
    let failed = (0..50).find_map(|_| captures[0].next_batch(&mut headers).err());
    assert!(matches!(&failed, Some(SourceError::InterfaceDown { name, .. }) if name == "tlb0"), "{failed:?}");
    let again = open_live(&config()).unwrap_err().to_string();
    assert!(again.contains("`tlb0` is down") && again.contains("ip link set"), "{again}");
}

#[test]
#[ignore = "started by live_capture_on_a_veth_pair inside the receiver's namespace"]
fn receiver() {
    if std::env::var("TRIPLINE_LIVE_SCENARIO").is_err() {
        return;
    }
    plain();
    tags();
    filters();
    fanout();
    snap_length_and_silence();
    loopback_frames_come_once();
    errors();
    interface_goes_down();
}

#[test]
#[ignore = "started by without_the_right_the_command_is_named as another user"]
fn without_right() {
    if std::env::var("TRIPLINE_LIVE_SCENARIO").is_err() {
        return;
    }
    assert!(!source::may_capture());
    let error = open_live(&LiveConfig::new("lo")).unwrap_err().to_string();
    let program = std::env::current_exe().unwrap();
    let command = format!("`sudo setcap cap_net_raw,cap_net_admin=eip {}`", program.display());
    assert!(error.contains(&command), "{error}");
    assert!(!source::interfaces().unwrap().iter().any(|interface| interface.can_capture));
}

#[test]
fn without_the_right_the_command_is_named() {
    let program = std::env::current_exe().unwrap();
    let drop_rights = ["--inh-caps=-all", "--bounding-set=-all", "--reuid=65534", "--clear-groups"];
    let possible = common::run("setpriv", &[&drop_rights[..], &["true"]].concat()).status.success();
    let readable = Command::new("setpriv")
        .args(drop_rights)
        .arg(&program)
        .arg("--list")
        .output()
        .is_ok_and(|o| o.status.success());
    if !possible || !readable {
        eprintln!("SKIP without_the_right_the_command_is_named: cannot become another user here");
        return;
    }
    let status = Command::new("setpriv")
        .args(drop_rights)
        .arg(&program)
        .args(["--ignored", "--exact", "without_right", "--nocapture"])
        .env("TRIPLINE_LIVE_SCENARIO", "right")
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
}
