//! The `cidr` operator: addresses of IPv4 (RFC 4632) or IPv6 (RFC 4291) within a block.

use crate::error::Complaint;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    pub(crate) fn parse(text: &str) -> Result<Self, Complaint> {
        let shape = || {
            Complaint::new(format!("`{text}` is not an address block"))
                .hint("write an address and the length of its prefix, as in 10.0.0.0/24 or 2001:db8::/32")
        };
        let (address, bits) = text.split_once('/').ok_or_else(shape)?;
        let address: IpAddr = address.parse().map_err(|_| shape())?;
        if bits.is_empty() || bits.len() > 3 || !bits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(shape());
        }
        let bits: u32 = bits.parse().map_err(|_| shape())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        if bits > most {
            return Err(Complaint::new(format!(
                "a prefix of {bits} bits is longer than an address of {most}"
            )));
        }
        let network = Self { address: mask(address, bits), bits };
        if network.address != address {
            return Err(Complaint::new(format!("`{text}` has bits set beyond its prefix"))
                .hint(format!("write {}", network.text())));
        }
        Ok(network)
    }

    pub(crate) fn accepts(&self, text: &str) -> bool {
        text.parse::<IpAddr>().is_ok_and(|address| {
            address.is_ipv4() == self.address.is_ipv4() && mask(address, self.bits) == self.address
        })
    }

    /// The block of at most `bits` bits that holds this one, as text; IPv4 only.
    pub(crate) fn v4_within(&self, bits: u32) -> Option<String> {
        let bits = bits.min(self.bits);
        self.address.is_ipv4().then(|| Self { address: mask(self.address, bits), bits }.text())
    }

    fn text(&self) -> String {
        format!("{}/{}", self.address, self.bits)
    }
}

/// The address with everything beyond its first `bits` bits cleared.
fn mask(address: IpAddr, bits: u32) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            Ipv4Addr::from_bits(v4.to_bits() & u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0)).into()
        }
        IpAddr::V6(v6) => {
            Ipv6Addr::from_bits(v6.to_bits() & u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(block: &str, address: &str, expected: bool) {
        assert_eq!(Network::parse(block).unwrap().accepts(address), expected, "{block} and {address}");
    }

    #[test]
    fn version_4() {
        check("10.0.0.0/24", "10.0.0.0", true);
        check("10.0.0.0/24", "10.0.0.255", true);
        check("10.0.0.0/24", "10.0.1.0", false);
        check("10.0.0.128/25", "10.0.0.127", false);
        check("10.0.0.7/32", "10.0.0.7", true);
        check("10.0.0.7/32", "10.0.0.8", false);
        check("0.0.0.0/0", "255.255.255.255", true);
        check("0.0.0.0/0", "::1", false);
        check("10.0.0.0/24", "10.0.0", false);
        check("10.0.0.0/24", "10.0.0.1/32", false);
        check("10.0.0.0/24", "host", false);
    }

    #[test]
    fn version_6() {
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("2001:db8::/32", "2001:db9::1", false);
        check("::1/128", "0:0:0:0:0:0:0:1", true);
        check("::/0", "::1", true);
        check("::/0", "10.0.0.1", false);
    }

    #[test]
    fn refusals() {
        for (text, message) in [
            ("", "`` is not an address block"),
            ("10.0.0.0", "`10.0.0.0` is not an address block"),
            ("10.0.0.0/", "`10.0.0.0/` is not an address block"),
            ("10.0.0.0/+8", "`10.0.0.0/+8` is not an address block"),
            ("10.0.0/8", "`10.0.0/8` is not an address block"),
            ("10.0.0.0/33", "a prefix of 33 bits is longer than an address of 32"),
            ("::/129", "a prefix of 129 bits is longer than an address of 128"),
            ("10.0.0.5/24", "`10.0.0.5/24` has bits set beyond its prefix"),
        ] {
            assert_eq!(Network::parse(text).unwrap_err().message, message);
        }
        assert_eq!(Network::parse("10.0.0.5/24").unwrap_err().hint.as_deref(), Some("write 10.0.0.0/24"));
    }

    proptest! {
        #[test]
        fn an_address_is_in_each_of_its_blocks(bits: u128, prefix in 0u32..=128) {
            let address = Ipv6Addr::from_bits(bits);
            let block = format!("{}/{prefix}", mask(address.into(), prefix));
            prop_assert!(Network::parse(&block).unwrap().accepts(&address.to_string()));
        }
    }
}
