//! Opening live capture: who may, on which interface, with which ring, filter and fan-out, in the order that loses and
//! doubles nothing.

use super::capture::LiveCapture;
use super::records::HEADROOM_BYTES;
use super::ring::Ring;
use super::settings::{BLOCK_BYTES, LiveConfig};
use super::system::{PacketSocket, RawInterface, list_interfaces};
use crate::filter::assemble::code;
use crate::{Filter, SourceError};
use record::LinkType;
use std::io;

/// Every protocol (`ETH_P_ALL`).
const EVERY_PROTOCOL: u16 = 3;
const ADVICE_MEMORY: &str = "lower `ring_bytes`, or free memory";
const ADVICE_KERNEL: &str = "is the kernel older than 4.8?";

/// True when this process may open packet sockets.
pub fn may_capture() -> bool {
    PacketSocket::open(true).is_ok()
}

/// Opens one capture per worker. Nothing is delivered before all of them are ready, so no frame comes twice.
///
/// # Errors
/// No right, no such interface, interface down, hardware type or filter that does not fit, settings out of range, no
/// memory for the rings.
pub fn open_live(config: &LiveConfig) -> Result<Vec<LiveCapture>, SourceError> {
    config.check()?;
    let interface = find_interface(&config.interface)?;
    let (link, raw) = link_of(&interface)?;
    let (program, later) = compile(config, link)?;
    let mut captures = Vec::with_capacity(config.workers);
    for _ in 0..config.workers {
        captures.push(open_one(config, &interface, link, raw, later.clone())?);
    }
    if captures.len() > 1 {
        join_fanout(&config.interface, &captures)?;
    }
    for capture in &captures {
        capture
            .socket()
            .attach(&program)
            .map_err(|source| live(config, "the capture filter", source, ADVICE_KERNEL))?;
    }
    Ok(captures)
}

fn live(config: &LiveConfig, what: &'static str, source: io::Error, advice: &'static str) -> SourceError {
    SourceError::Live { interface: config.interface.clone(), what, source, advice }
}

fn find_interface(name: &str) -> Result<RawInterface, SourceError> {
    let all = list_interfaces().map_err(|e| SourceError::Host { what: "the interfaces", reason: e.to_string() })?;
    let Some(found) = all.iter().find(|interface| interface.name == name) else {
        let existing = all.iter().map(|interface| interface.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(SourceError::NoSuchInterface { name: name.to_owned(), existing });
    };
    if found.flags & libc::IFF_UP as u32 == 0 {
        return Err(SourceError::InterfaceDown { name: name.to_owned(), what: "is down".to_owned() });
    }
    Ok(found.clone())
}

/// Link type by hardware type, and whether frames are taken with their link header.
pub(crate) fn link_type(hardware_type: u16) -> Option<(LinkType, bool)> {
    Some(match hardware_type {
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => (LinkType::ETHERNET, true),
        libc::ARPHRD_IEEE80211 => (LinkType::IEEE802_11, true),
        libc::ARPHRD_IEEE80211_RADIOTAP => (LinkType::IEEE802_11_RADIOTAP, true),
        // Tunnels without a link header: tun, raw IP (519), IP in IP, SIT.
        libc::ARPHRD_NONE | 519 | libc::ARPHRD_TUNNEL | libc::ARPHRD_TUNNEL6 | libc::ARPHRD_SIT => {
            (LinkType::RAW, true)
        }
        // Link headers of several forms that the kernel strips for us: PPP, GRE over IPv4 and IPv6.
        libc::ARPHRD_PPP | libc::ARPHRD_IPGRE | 823 => (LinkType::RAW, false),
        _ => return None,
    })
}

fn link_of(interface: &RawInterface) -> Result<(LinkType, bool), SourceError> {
    let (name, hardware_type) = (interface.name.clone(), interface.hardware_type);
    link_type(hardware_type).ok_or(SourceError::HardwareType { name, hardware_type })
}

/// The kernel's program, and the filter again when the kernel cannot run it.
fn compile(config: &LiveConfig, link: LinkType) -> Result<(Vec<libc::sock_filter>, Option<Filter>), SourceError> {
    let keep_all = vec![libc::sock_filter { code: code::RET, jt: 0, jf: 0, k: config.snap_len }];
    let Some(filter) = &config.filter else { return Ok((keep_all, None)) };
    match filter.to_live_bpf(link) {
        Ok(mut program) => {
            for end in program.iter_mut().filter(|end| end.code == code::RET && end.k > 0) {
                end.k = config.snap_len;
            }
            Ok((program, None))
        }
        Err(_) if filter.supports(link) => Ok((keep_all, Some(filter.clone()))),
        Err(why) => Err(why.into()),
    }
}

fn open_one(
    config: &LiveConfig,
    interface: &RawInterface,
    link: LinkType,
    raw: bool,
    filter: Option<Filter>,
) -> Result<LiveCapture, SourceError> {
    let socket = PacketSocket::open(raw).map_err(|source| match source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => no_right(&config.interface),
        _ => live(config, "opening a packet socket", source, ADVICE_KERNEL),
    })?;
    let set = |what, option: i32, value: u32| {
        let done = socket.set(libc::SOL_PACKET, option, &value);
        done.map_err(|source| live(config, what, source, ADVICE_KERNEL))
    };
    set("TPACKET_V3", libc::PACKET_VERSION, libc::tpacket_versions::TPACKET_V3 as u32)?;
    set("PACKET_RESERVE", libc::PACKET_RESERVE, HEADROOM_BYTES)?;
    let request = libc::tpacket_req3 {
        tp_block_size: BLOCK_BYTES as u32,
        tp_block_nr: config.blocks() as u32,
        tp_frame_size: 2048,
        tp_frame_nr: (BLOCK_BYTES / 2048 * config.blocks()) as u32,
        tp_retire_blk_tov: config.block_timeout_ms,
        tp_sizeof_priv: 0,
        tp_feature_req_word: 0,
    };
    let ring = socket
        .set(libc::SOL_PACKET, libc::PACKET_RX_RING, &request)
        .and_then(|()| Ring::map(&socket, BLOCK_BYTES, config.blocks()))
        .map_err(|source| live(config, "making the ring", source, ADVICE_MEMORY))?;
    if interface.hardware_type == libc::ARPHRD_LOOPBACK {
        // Each frame passes the loopback twice, out and in.
        set("PACKET_IGNORE_OUTGOING", libc::PACKET_IGNORE_OUTGOING, 1)?;
    }
    // Nothing passes until every worker is bound and in the group.
    let nothing = [libc::sock_filter { code: code::RET, jt: 0, jf: 0, k: 0 }];
    socket.attach(&nothing).map_err(|source| live(config, "the capture filter", source, ADVICE_KERNEL))?;
    if config.promiscuous {
        let member = libc::packet_mreq {
            mr_ifindex: interface.index as i32,
            mr_type: libc::PACKET_MR_PROMISC as u16,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        let done = socket.set(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &member);
        done.map_err(|source| live(config, "promiscuous mode", source, "set `promiscuous` to false"))?;
    }
    let bound = socket.bind(interface.index, EVERY_PROTOCOL);
    bound.map_err(|source| live(config, "binding to the interface", source, "is it up?"))?;
    Ok(LiveCapture::new(ring, socket, config.interface.clone(), link, filter, config.block_timeout_ms))
}

pub(super) fn no_right(interface: &str) -> SourceError {
    let program = std::env::current_exe().map_or_else(|_| "tripline".to_owned(), |path| path.display().to_string());
    let command = format!("sudo setcap cap_net_raw,cap_net_admin=eip {program}");
    SourceError::NoRight { interface: interface.to_owned(), command }
}

/// All sockets into one group: flows by symmetric hash, fragments put together first so that they follow their flow.
fn join_fanout(interface: &str, captures: &[LiveCapture]) -> Result<(), SourceError> {
    let failed = |source| SourceError::Live {
        interface: interface.to_owned(),
        what: "joining the workers (PACKET_FANOUT)",
        source,
        advice: "set `workers` to 1",
    };
    let mode = libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_DEFRAG;
    let mut id = 0;
    for (index, capture) in captures.iter().enumerate() {
        let unique = if index == 0 { libc::PACKET_FANOUT_FLAG_UNIQUEID } else { 0 };
        let request = id | (mode | unique) << 16;
        capture.socket().set(libc::SOL_PACKET, libc::PACKET_FANOUT, &request).map_err(failed)?;
        if index == 0 {
            let [group] = capture.socket().get::<1>(libc::SOL_PACKET, libc::PACKET_FANOUT).map_err(failed)?;
            id = group & 0xffff;
        }
    }
    Ok(())
}
