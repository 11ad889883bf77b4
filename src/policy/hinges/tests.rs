//! Which blocks tell possible addresses apart.

#![allow(clippy::unwrap_used, reason = "a test may stop")]

use crate::base::source::{SourceMap, Span};
use crate::model::inet::private;
use crate::model::policy::IpBlock;

#[test]
fn a_block_that_tells_possible_addresses_apart_splits_them() {
    let source = SourceMap::new().add("x", "");
    let origin = Span {
        source,
        start: 0,
        end: 0,
    };
    let block = |cidr: &str, except: &[&str]| IpBlock {
        cidr: cidr.parse().unwrap(),
        except: except.iter().map(|e| e.parse().unwrap()).collect(),
        origin,
    };
    let cidr = ["10.244.0.0/16".parse().unwrap()];
    let all_private = [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
    ];
    let rows: [(&str, &[&str], bool, bool); 8] = [
        ("0.0.0.0/0", &[], false, false),
        ("203.0.113.0/24", &[], false, false),
        ("0.0.0.0/0", &["10.0.0.0/8"], true, false),
        ("0.0.0.0/0", &all_private, false, false),
        ("10.0.0.0/8", &[], true, false),
        ("10.244.7.0/24", &[], true, true),
        ("0.0.0.0/0", &["10.244.7.0/24"], true, true),
        ("::/0", &[], false, false),
    ];
    for (prefix, except, of_private, of_cidr) in rows {
        let block = block(prefix, except);
        assert_eq!(block.splits(&private()), of_private, "{prefix} {except:?}");
        assert_eq!(block.splits(&cidr), of_cidr, "{prefix} {except:?}");
    }
}
