//! Tests of the packet level on made traffic.
#![allow(clippy::unwrap_used)]
use super::*;
use record::Endpoint;

/// Sixty packets a second between five clients and a server; from `flood_at` on a sixth client sends twice as many, all alike.
fn packets(seconds: i64, flood_at: i64) -> Vec<PacketSample> {
    let mut out = Vec::new();
    let mut state = 9_u64;
    let mut random = |below: u64| {
        state = mix(state.wrapping_add(0x9e37_79b9_7f4a_7c15));
        state % below
    };
    for second in 0..seconds {
        let mut of_second: Vec<(i64, u64, u32)> =
            (0..60).map(|_| (random(1_000_000_000) as i64, random(5), 80 + random(900) as u32)).collect();
        if second >= flood_at {
            of_second.extend((0..120).map(|n| (n * 8_000_000, 5, 60)));
        }
        of_second.sort_unstable();
        for (ns, client, wire_len) in of_second {
            let src = Endpoint { addr: IpAddr16::v4([192, 0, 2, client as u8 + 1]), port: 40_000 + client as u16 };
            let (key, from_low) = FlowKey::new(src, Endpoint { addr: IpAddr16::v4([198, 51, 100, 9]), port: 443 }, 6);
            out.push(PacketSample {
                ts: Timestamp(second * NS_PER_S + ns),
                key,
                from_low,
                has_flow: true,
                src_mac: MacAddr([2, 0, 0, 0, 0, client as u8]),
                dest_mac: MacAddr([2, 0, 0, 0, 1, 1]),
                wire_len,
                count: 1,
            });
        }
    }
    out
}

fn alerts(watch: &mut PacketWatch, packets: &[PacketSample]) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for packet in packets {
        watch.observe(packet, &mut alerts);
    }
    alerts
}

#[test]
fn a_client_that_begins_to_flood_is_told_with_a_reason_and_its_flow_knows() {
    let mut watch = PacketWatch::new(&PacketConfig::default());
    watch.hold(Some(300 * NS_PER_S));
    let made = packets(420, 380);
    assert!(alerts(&mut watch, &made).is_empty());
    let model = watch.learn(1).unwrap();
    assert!(model.member().admitted, "{:?}", model.member());
    let mut told = Vec::new();
    watch.judge_held(&model, Timestamp(i64::MAX), &mut told);
    watch.install(Arc::clone(&model));
    watch.advance(Timestamp(i64::MAX), &mut told);
    let flood = IpAddr16::v4([192, 0, 2, 6]);
    assert!(told.iter().any(|alert| alert.src == [flood]), "{told:?}");
    assert!(told.iter().all(|alert| alert.ts >= Timestamp(380 * NS_PER_S)), "nothing before the flood: {told:?}");
    let first = told.iter().find(|alert| alert.src == [flood]).unwrap();
    assert!(first.ts <= Timestamp(386 * NS_PER_S) && !first.why.is_empty(), "{} s", first.ts.seconds());
    assert!(first.title.contains("where") && first.dest_port == [443], "{}", first.title);
    let of_flood = made.iter().find(|packet| packet.key.ends(packet.from_low).0.addr == flood).unwrap();
    let (strange, usual) = (watch.take_flow(&of_flood.key).unwrap(), watch.take_flow(&made[0].key).unwrap());
    assert!(strange.tenth_p_value < usual.tenth_p_value && strange.packets == 4_800, "{strange:?} {usual:?}");
    assert_eq!(watch.take_flow(&made[0].key), None, "forgotten once it was told");
}

#[test]
fn held_packets_are_judged_as_those_that_come_later_are() {
    let made = packets(420, 380);
    let border = made.partition_point(|packet| packet.ts <= made[0].ts.plus_ns(300 * NS_PER_S));
    let mut held = PacketWatch::new(&PacketConfig::default());
    held.hold(Some(300 * NS_PER_S));
    let mut told = alerts(&mut held, &made);
    let model = held.learn(1).unwrap();
    held.judge_held(&model, Timestamp(i64::MAX), &mut told);
    let mut live = PacketWatch::new(&PacketConfig::default());
    let mut as_it_comes = alerts(&mut live, &made[..border]);
    let live_model = Arc::new(live.material().unwrap().train(1).unwrap());
    assert_eq!(live_model.to_bytes(), model.to_bytes());
    live.install(live_model);
    as_it_comes.extend(alerts(&mut live, &made[border..]));
    let words = |alerts: &[Alert]| alerts.iter().map(|a| (a.ts, a.title.clone(), a.packets)).collect::<Vec<_>>();
    assert!(!told.is_empty());
    assert_eq!(words(&told), words(&as_it_comes));
    assert_eq!(held.judged(), live.judged());
    assert!(live.judged() > 0 && live.scores().seen() == live.judged(), "every packet since the model came");
}

#[test]
fn too_few_packets_teach_nothing_and_off_is_off() {
    let mut watch = PacketWatch::new(&PacketConfig::default());
    watch.hold(None);
    assert!(alerts(&mut watch, &packets(10, 99)).is_empty());
    assert!(watch.learn(1).is_none() && watch.model().is_none());
    let mut off = PacketWatch::new(&PacketConfig { enabled: false, ..PacketConfig::default() });
    off.hold(None);
    assert!(alerts(&mut off, &packets(200, 99)).is_empty());
    assert!(off.material().is_none() && off.judged() == 0);
}

#[test]
fn what_is_learned_from_is_bounded_and_made_of_whole_seconds() {
    let mut lesson = Lesson::new(COLUMNS, 1_000);
    for at in 0..50_000_i64 {
        lesson.push(&[at as f32; COLUMNS], at / 20, 1);
    }
    assert!(lesson.times.len() <= 1_000 && lesson.times.len() > 300, "{}", lesson.times.len());
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for second in &lesson.times {
        *counts.entry(*second).or_default() += 1;
    }
    assert!(counts.values().rev().skip(1).all(|count| *count == 20));
    assert!(
        counts.keys().next().is_some_and(|first| *first < 500)
            && counts.keys().last().is_some_and(|last| *last > 2_000)
    );
}
