//! Ports that have a well-known service, for detectors that ask whether a conversation is out of place. Owns the lists
//! (IANA's registry, reduced to what is met on networks); knows no traffic.

/// Ports that speak TLS, or may change to it (STARTTLS).
pub(super) fn may_be_tls(port: u16) -> bool {
    matches!(
        port,
        21 | 25
            | 110
            | 143
            | 261
            | 389
            | 443
            | 465
            | 563
            | 587
            | 614
            | 636
            | 853
            | 989..=995
            | 1433
            | 2376
            | 2484
            | 3269
            | 3306
            | 3389
            | 4433
            | 4443
            | 5061
            | 5222
            | 5223
            | 5228..=5230
            | 5269
            | 5349
            | 5432
            | 5671
            | 5986
            | 6443
            | 6514
            | 6697
            | 7443
            | 8006
            | 8009
            | 8080
            | 8443
            | 8444
            | 8531
            | 8883
            | 8886
            | 9001
            | 9093
            | 9200
            | 9443
            | 9993
            | 10_443
    )
}

/// Ports that speak HTTP.
pub(super) fn may_be_http(port: u16) -> bool {
    matches!(
        port,
        80..=90 | 280 | 488 | 591 | 593 | 631 | 1080 | 1880 | 2375 | 2869 | 3000..=3010 | 3128 | 4000 | 5000..=5010 | 5357 | 5358 | 5601
            | 5985 | 7001 | 7070 | 7547 | 7676 | 8000..=8100 | 8181 | 8200 | 8530 | 8545 | 8800 | 8834 | 8880 | 8888 | 9000 | 9080 | 9090
            | 9100 | 9200 | 9999 | 10_000 | 49_152..=49_160
    )
}

/// Ports of services with a protocol of their own, which need not be one that the decoder knows.
#[must_use]
pub fn has_service(port: u16) -> bool {
    port < 1024
        || may_be_tls(port)
        || may_be_http(port)
        || matches!(
            port,
            1025..=1030 | 1119 | 1194 | 1352 | 1414 | 1434 | 1494 | 1521 | 1701 | 1720 | 1723 | 1755 | 1863 | 1883 | 1900 | 1935
                | 2000 | 2049 | 2082..=2096 | 2181 | 2222 | 2404 | 2598 | 3050 | 3260 | 3268 | 3299 | 3478..=3481 | 3690 | 3702
                | 3724 | 4070 | 4369 | 4460 | 4500 | 4662 | 4712 | 4840 | 4899 | 5050 | 5060 | 5190 | 5355 | 5500 | 5555 | 5631
                | 5672 | 5800..=5909 | 5938 | 6000..=6063 | 6379 | 6660..=6669 | 6881..=6889 | 7000 | 7400 | 7680 | 9042 | 9092
                | 9300 | 9418 | 11_211 | 11_300 | 15_672 | 19_302..=19_309 | 20_000 | 25_565 | 27_000..=27_050 | 32_400 | 33_434
                | 44_818 | 47_808 | 51_413 | 61_613
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_services_are_known_and_self_chosen_ports_are_not() {
        assert!([22, 443, 445, 1883, 3389, 5060, 20_000].iter().all(|p| has_service(*p)));
        assert!([1234, 4444, 7084, 8901, 31_337].iter().all(|p| !has_service(*p)));
        assert!(may_be_tls(443) && may_be_tls(8883) && !may_be_tls(7084) && !may_be_tls(80));
        assert!(may_be_http(8080) && !may_be_http(443));
    }
}
