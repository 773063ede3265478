//! Totals of every development export against independent readers: tshark 4.0 (sums of `cflow.octets` and `cflow.packets`, and IP
//! lengths inside sFlow samples), nfdump 1.7, telegraf's published expectations, and a small reader of its own that knows only templates and
//! elements 1, 2, 23, 24, 85, 86. Before sampling rates are applied.
//!
//! Where they differ, and why the number here is taken:
//! - tshark stops at the count in NetFlow v9's header, which graylog's `netflow9.pcap` has too low; it reads no data that comes before its template
//!   (`netflow-data+templates`, `nprobe-netflow9-4`); it sums neither elements 85 and 86 nor the other direction (YAF, ipfix_example): nfdump and telegraf do.
//! - nfdump lists the four "flow created" events of `cisco_asa_2` as flows; they carry nothing and are counted as `firewall_event`.
//! - `cisco_wlc` tells clients of access points without addresses: 19 records, no flow.
//! - Packets in IPFIX sections (`datalink`, `mpls`, `srv6`, `cpid`) are counted by their IP lengths, as akvorado does; nfdump and tshark count none.
//! - `netflow5_test_invalid01` says 55,582 records where 30 are there; these are read, as tshark does, and the rest is counted as missing.
#![allow(clippy::unwrap_used)]

mod common;

use common::{data, export_datagrams};
use decode::{Datagram, DecodeConfig, ExportConfig, ExportReader};
use record::Timestamp;

/// Files that are read together, flows, packets, bytes.
type Row = (&'static [&'static str], u64, u64, u64);

#[rustfmt::skip]
const TOTALS: &[Row] = &[
    (&["logstash-codec/ipfix_test_barracuda_tpl.dat", "logstash-codec/ipfix_test_barracuda_data256.dat"], 8, 4, 388),
    (&["logstash-codec/ipfix_test_barracuda_extended_uniflow_tpl256.dat", "logstash-codec/ipfix_test_barracuda_extended_uniflow_data256.dat"], 0, 0, 0),
    (&["logstash-codec/ipfix_test_juniper_mx240_junos151r6s3_opttpl512.dat", "logstash-codec/ipfix_test_juniper_mx240_junos151r6s3_data512.dat"], 0, 0, 0),
    (&["logstash-codec/ipfix_test_mikrotik_tpl.dat", "logstash-codec/ipfix_test_mikrotik_data258.dat", "logstash-codec/ipfix_test_mikrotik_data259.dat"], 46, 253, 103_235),
    (&["logstash-codec/ipfix_test_netscaler_tpl.dat", "logstash-codec/ipfix_test_netscaler_data.dat"], 3, 5, 3_106),
    (&["logstash-codec/ipfix_test_nokia_bras_tpl.dat", "logstash-codec/ipfix_test_nokia_bras_data256.dat"], 1, 0, 0),
    (&["logstash-codec/ipfix_test_openbsd_pflow_tpl.dat", "logstash-codec/ipfix_test_openbsd_pflow_data.dat"], 26, 209, 99_323),
    (&["logstash-codec/ipfix_test_procera_tpl52935.dat", "logstash-codec/ipfix_test_procera_data52935.dat"], 8, 0, 0),
    (&["logstash-codec/ipfix_test_viptela_tpl257.dat", "logstash-codec/ipfix_test_viptela_data257.dat"], 1, 8, 775),
    (&["logstash-codec/ipfix_test_vmware_vds_tpl.dat", "logstash-codec/ipfix_test_vmware_vds_data264.dat", "logstash-codec/ipfix_test_vmware_vds_data266.dat", "logstash-codec/ipfix_test_vmware_vds_data266_267.dat"], 5, 8, 806),
    (&["logstash-codec/ipfix_test_yaf_tpls_option_tpl.dat", "logstash-codec/ipfix_test_yaf_tpl45841.dat", "logstash-codec/ipfix_test_yaf_data45841.dat", "logstash-codec/ipfix_test_yaf_data45873.dat", "logstash-codec/ipfix_test_yaf_data53248.dat"], 2, 10, 596),
    (&["logstash-codec/netflow9_test_cisco_aci_tpl256-258.dat", "logstash-codec/netflow9_test_cisco_aci_data256.dat"], 3, 6, 297),
    (&["logstash-codec/netflow9_test_cisco_asa_1_tpl.dat", "logstash-codec/netflow9_test_cisco_asa_1_data.dat"], 14, 0, 888),
    (&["logstash-codec/netflow9_test_cisco_asa_2_tpl_26x.dat", "logstash-codec/netflow9_test_cisco_asa_2_tpl_27x.dat", "logstash-codec/netflow9_test_cisco_asa_2_data.dat"], 15, 0, 130_362),
    (&["logstash-codec/netflow9_test_cisco_asr9k_opttpl256.dat", "logstash-codec/netflow9_test_cisco_asr9k_data256.dat"], 0, 0, 0),
    (&["logstash-codec/netflow9_test_cisco_asr9k_tpl260.dat", "logstash-codec/netflow9_test_cisco_asr9k_data260.dat"], 21, 531, 208_031),
    (&["logstash-codec/netflow9_test_cisco_nbar_opttpl260.dat", "logstash-codec/netflow9_test_cisco_nbar_tpl262.dat", "logstash-codec/netflow9_test_cisco_nbar_data262.dat"], 5, 40, 3_064),
    (&["logstash-codec/netflow9_test_cisco_wlc_tpl.dat", "logstash-codec/netflow9_test_cisco_wlc_data261.dat"], 0, 0, 0),
    (&["logstash-codec/netflow9_test_field_layer2segmentid_tpl.dat", "logstash-codec/netflow9_test_field_layer2segmentid_data.dat"], 1, 1, 52),
    (&["logstash-codec/netflow9_test_fortigate_fortios_521_tpl.dat", "logstash-codec/netflow9_test_fortigate_fortios_521_data256.dat", "logstash-codec/netflow9_test_fortigate_fortios_521_data257.dat"], 1, 3, 152),
    (&["logstash-codec/netflow9_test_fortigate_fortios_542_appid_tpl258-269.dat", "logstash-codec/netflow9_test_fortigate_fortios_542_appid_data258_262.dat"], 17, 105, 29_492),
    (&["logstash-codec/netflow9_test_h3c_tpl3281.dat", "logstash-codec/netflow9_test_h3c_data3281.dat"], 16, 6_113, 8_729_687),
    (&["logstash-codec/netflow9_test_h3c_netstream_varstring_tpl3281.dat", "logstash-codec/netflow9_test_h3c_netstream_varstring_data3281.dat"], 1, 9, 702),
    (&["logstash-codec/netflow9_test_huawei_netstream_tpl.dat", "logstash-codec/netflow9_test_huawei_netstream_data.dat"], 1, 4, 200),
    (&["logstash-codec/netflow9_test_macaddr_tpl.dat", "logstash-codec/netflow9_test_macaddr_data.dat"], 29, 0, 0),
    (&["logstash-codec/netflow9_test_nprobe_tpl.dat", "logstash-codec/netflow9_test_nprobe_data.dat"], 1, 2, 200),
    (&["logstash-codec/netflow9_test_paloalto_81_tpl256-263.dat", "logstash-codec/netflow9_test_paloalto_81_data257_1flowset_in_large_zerofilled_packet.dat"], 1, 3, 363),
    (&["logstash-codec/netflow9_test_paloalto_panos_tpl.dat", "logstash-codec/netflow9_test_paloalto_panos_data.dat"], 8, 8, 617),
    (&["logstash-codec/netflow9_test_ubnt_edgerouter_tpl.dat", "logstash-codec/netflow9_test_ubnt_edgerouter_data1024.dat", "logstash-codec/netflow9_test_ubnt_edgerouter_data1025.dat"], 16, 114, 20_418),
    (&["graylog/netflow-v9-2-1.dat", "graylog/netflow-v9-2-2.dat", "graylog/netflow-v9-2-3.dat"], 2, 10, 3_166),
    (&["akvorado/netflow-options-template.pcap", "akvorado/netflow-options-data.pcap", "akvorado/netflow-template.pcap", "akvorado/netflow-data.pcap"], 4, 4, 5_848),
    (&["akvorado/netflow-datalink-template.pcap", "akvorado/netflow-datalink-data.pcap"], 1, 1, 96),
    (&["akvorado/netflow-ethernet-over-mpls-with-control-word-template.pcap", "akvorado/netflow-ethernet-over-mpls-with-control-word-data.pcap"], 10, 10, 14_337),
    (&["akvorado/netflow-icmp-template.pcap", "akvorado/netflow-icmp-data.pcap"], 4, 4, 376),
    (&["akvorado/netflow-ipfix-srv6-template.pcap", "akvorado/netflow-ipfix-srv6-data.pcap"], 1, 1, 64),
    (&["akvorado/netflow-ipfixprobe-templates.pcap", "akvorado/netflow-ipfixprobe-data.pcap"], 4, 60, 25_942),
    (&["akvorado/netflow-juniper-cpid-template.pcap", "akvorado/netflow-juniper-cpid-data.pcap"], 1, 1, 64),
    (&["akvorado/netflow-multiplesamplingrates-options-template.pcap", "akvorado/netflow-multiplesamplingrates-options-data.pcap", "akvorado/netflow-multiplesamplingrates-template.pcap", "akvorado/netflow-multiplesamplingrates-data.pcap"], 12, 38, 14_818),
    (&["akvorado/netflow-samplingrate-template.pcap", "akvorado/netflow-samplingrate-data.pcap"], 6, 6, 3_740),
    (&["telegraf/ipfix_example-ipfix_0.bin", "telegraf/ipfix_example-ipfix_1.bin", "telegraf/ipfix_example-ipfix_2.bin", "telegraf/ipfix_example-ipfix_3.bin", "telegraf/ipfix_example-ipfix_4.bin", "telegraf/ipfix_example-ipfix_5.bin", "telegraf/ipfix_example-ipfix_6.bin"], 29, 1_070, 577_437),
    (&["telegraf/ipfix_options-message-001.bin", "telegraf/ipfix_options-message-002.bin", "telegraf/ipfix_options-message-003.bin", "telegraf/ipfix_options-message-004.bin", "telegraf/ipfix_options-message-005.bin", "telegraf/ipfix_options-message-006.bin", "telegraf/ipfix_options-message-007.bin", "telegraf/ipfix_options-message-008.bin", "telegraf/ipfix_options-message-009.bin"], 0, 0, 0),
    (&["telegraf/ipfix_pen_35632-message-1.bin", "telegraf/ipfix_pen_35632-message-2.bin", "telegraf/ipfix_pen_35632-message-3.bin", "telegraf/ipfix_pen_35632-message-4.bin"], 2, 2, 208),
    (&["akvorado/netflow-data+templates.pcap"], 21, 66, 58_329),
    (&["akvorado/netflow-mpls.pcap"], 2, 11, 979),
    (&["akvorado/netflow-nat.pcap"], 0, 0, 0),
    (&["akvorado/netflow-nfv5.pcap"], 29, 78, 88_345),
    (&["akvorado/netflow-physicalinterfaces.pcap"], 8, 29, 31_111),
    (&["akvorado/sflow-data-1140.pcap"], 5, 5, 4_961),
    (&["akvorado/sflow-data-discard-interface.pcap"], 1, 1, 1_500),
    (&["akvorado/sflow-data-encap-vxlan.pcap"], 1, 1, 104),
    (&["akvorado/sflow-data-icmpv4.pcap"], 1, 1, 84),
    (&["akvorado/sflow-data-icmpv6.pcap"], 1, 1, 72),
    (&["akvorado/sflow-data-local-interface.pcap"], 1, 1, 1_500),
    (&["akvorado/sflow-data-multiple-interfaces.pcap"], 1, 1, 1_500),
    (&["akvorado/sflow-data-qinq.pcap"], 1, 1, 80),
    (&["akvorado/sflow-data-sflow-expanded-sample.pcap"], 1, 1, 104),
    (&["akvorado/sflow-data-sflow-ipv4-data.pcap"], 1, 1, 1_344),
    (&["akvorado/sflow-data-sflow-raw-ipv4.pcap"], 2, 2, 64),
    (&["graylog/netflow-v5-2.dat"], 30, 207, 342_263),
    (&["graylog/netflow-v9-1.dat"], 6, 44, 6_954),
    (&["graylog/netflow-v9-3_incomplete.dat"], 0, 0, 0),
    (&["graylog/netflow5.pcap"], 4, 5, 817),
    (&["graylog/netflow9.pcap"], 21, 23, 7_302),
    (&["graylog/netgraph-netflow5.pcap"], 120, 19_355, 6_765_997),
    (&["graylog/nprobe-netflow9-2.pcap"], 6, 19, 2_628),
    (&["graylog/nprobe-netflow9-3.pcap"], 892, 2_949, 224_593),
    (&["graylog/nprobe-netflow9-4.pcap"], 15, 74, 33_915),
    (&["graylog/nprobe-netflow9.pcap"], 152, 11_285, 15_063_040),
    (&["graylog/pmacctd-netflow5.pcap"], 42, 133, 18_391),
    (&["graylog/pmacctd-netflow9.pcap"], 6, 19, 2_623),
    (&["logstash-codec/ipfix.dat"], 12, 54, 13_279),
    (&["logstash-codec/ipfix_test_ixia_tpldata256.dat"], 1, 4, 360),
    (&["logstash-codec/ipfix_test_ixia_tpldata271.dat"], 2, 2, 132),
    (&["logstash-codec/netflow5.dat"], 30, 230, 18_684),
    (&["logstash-codec/netflow5_test_invalid01.dat"], 30, 529_620, 3_685_383_960),
    (&["logstash-codec/netflow5_test_invalid02.dat"], 30, 8_336_652_083, 7_452_936_707),
    (&["logstash-codec/netflow5_test_juniper_mx80.dat"], 29, 31, 3_989),
    (&["logstash-codec/netflow5_test_microtik.dat"], 30, 160, 40_812),
    (&["logstash-codec/netflow9_cisco_asr1001x_tpl259.dat"], 25, 124, 38_255),
    (&["logstash-codec/netflow9_test_0length_fields_tpl_data.dat"], 10, 2, 64),
    (&["logstash-codec/netflow9_test_cisco_1941K9.dat"], 29, 370, 70_258),
    (&["logstash-codec/netflow9_test_cisco_asr9k_opttpl257.dat"], 0, 0, 0),
    (&["logstash-codec/netflow9_test_cisco_asr9k_opttpl334.dat"], 0, 0, 0),
    (&["logstash-codec/netflow9_test_cisco_asr9k_tpl266.dat"], 0, 0, 0),
    (&["logstash-codec/netflow9_test_cisco_wlc_8510_tpl_262.dat"], 0, 0, 0),
    (&["logstash-codec/netflow9_test_invalid01.dat"], 2, 2, 194),
    (&["logstash-codec/netflow9_test_iptnetflow_reduced_size_encoding_tpldata260.dat"], 12, 74, 7_598),
    (&["logstash-codec/netflow9_test_juniper_srx_tplopt.dat"], 0, 0, 0),
    (&["logstash-codec/netflow9_test_nprobe_dpi.dat"], 1, 1, 82),
    (&["logstash-codec/netflow9_test_softflowd_tpl_data.dat"], 7, 13, 1_128),
    (&["logstash-codec/netflow9_test_streamcore_tpl_data256.dat"], 2, 7, 300),
    (&["logstash-codec/netflow9_test_streamcore_tpl_data260.dat"], 2, 21, 6_995),
    (&["logstash-codec/netflow9_test_unknown_tpl266_292_data.dat"], 2, 2, 310),
    (&["ndpi/netflow-fritz.pcap"], 0, 0, 0),
    (&["ndpi/netflowv9.pcap"], 0, 0, 0),
    (&["ndpi/sflow.pcap"], 1, 1, 60),
    (&["pmacct/100-IPFIXv10-CISCO-traffic-00.pcap"], 12, 34, 34_172),
    (&["pmacct/101-NFv9-CISCO-cust_primitives-traffic-00.pcap"], 51, 56, 4_500),
    (&["pmacct/102-NFv9-CISCO-f2rd-pretag-sampling-reload-traffic-00.pcap"], 35, 107, 7_594),
    (&["pmacct/104-IPFIXv10-IPv6-CISCO-sampling_option-traffic-00.pcap"], 3, 121, 10_632),
    (&["pmacct/106-IPFIXv10-HUAWEI-vrf_name-traffic-00.pcap"], 3, 1_227, 284_557),
    (&["pmacct/111-IPFIXv10-NFv9-IPv6-IPv4-mix_sources-traffic-01.pcap"], 13, 16, 9_820),
    (&["pmacct/112-IPFIXv10-CISCO-options-map-reassignment-traffic-00.pcap"], 9, 19, 1_197),
    (&["pmacct/500-IPFIXv10-BGP-CISCO-SRv6-traffic-00.pcap"], 43, 558, 53_644),
    (&["scapy/netflowv9.pcap"], 24, 183_920, 142_139_882),
    (&["telegraf/issue_14370-message.bin"], 1, 1, 256),
    (&["telegraf/netflow_v5_example-netflow_v5.bin"], 8, 175, 103_623),
    (&["telegraf/netflow_v9_example-netflow_v9.bin"], 8, 175, 103_623),
    (&["telegraf/netflow_v9_options-message.bin"], 0, 0, 0),
    (&["telegraf/sflow_issue_15375-sflow_drop_1036.bin"], 0, 0, 0),
    (&["telegraf/sflow_issue_15918-message.bin"], 6, 6, 2_744),
    (&["telegraf/sflow_issue_18876-message.bin"], 0, 0, 0),
    (&["telegraf/sflow_v5_example-sflow_v5.bin"], 0, 0, 0),
];

#[test]
fn totals_are_those_of_independent_readers() {
    let Some(folder) = data("totals_are_those_of_independent_readers") else { return };
    let mut wrong = Vec::new();
    let mut files_read = 0;
    for (files, flows, packets, bytes) in TOTALS {
        let mut reader = ExportReader::new(ExportConfig::default(), DecodeConfig::default());
        let mut out = Vec::new();
        for file in *files {
            files_read += 1;
            for (exporter, payload) in export_datagrams(&folder.join("netflow").join(file)) {
                let received = Timestamp::from_parts(1_700_000_000, 0);
                reader.read(&Datagram { exporter, received, payload: &payload }, &mut out);
            }
        }
        let sides = || out.iter().flat_map(|flow| [Some(flow.forward), flow.backward]).flatten();
        let found = (out.len() as u64, sides().map(|s| s.packets).sum::<u64>(), sides().map(|s| s.bytes).sum::<u64>());
        if found != (*flows, *packets, *bytes) {
            wrong.push(format!("{files:?}: {found:?}, not {flows} {packets} {bytes}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(files_read > 150, "{files_read}");
}
