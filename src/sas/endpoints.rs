//! Where Security Center answers, by region. There are two data centres: one for the regions
//! `cn-*`, one for all others; an account with assets in both is two sources.

use crate::error::nearest;

/// Host of the data centre that serves the regions `cn-*`.
pub const CHINA: &str = "tds.cn-shanghai.aliyuncs.com";

/// Host of the data centre that serves all other regions.
pub const INTERNATIONAL: &str = "tds.ap-southeast-1.aliyuncs.com";

const CHINA_VPC: &str = "tds.vpc-proxy.aliyuncs.com";
const INTERNATIONAL_VPC: &str = "tds-intl.vpc-proxy.aliyuncs.com";

/// From where the API is asked (`network` of a source).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// Over the internet.
    #[default]
    Public,
    /// From inside a VPC of the region.
    Vpc,
}

/// A region that has no endpoint here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegionError {
    /// The region is in no table.
    #[error(
        "unknown region `{region}`{} For a region that is newer than this program set `endpoint`: \
         https://{CHINA} for cn-* regions, https://{INTERNATIONAL} for all others",
        did_you_mean(*near)
    )]
    UnknownRegion {
        /// As configured.
        region: String,
        /// The known region that was probably meant.
        near: Option<&'static str>,
    },
    /// The region is known, without a host inside its VPCs.
    #[error("region `{region}` has no known endpoint inside a VPC; use `network: public` or set `endpoint`")]
    NoVpc {
        /// As configured.
        region: String,
    },
}

/// The host that serves `region`. Region ids are compared exactly, as the vendor's SDKs do.
///
/// # Errors
/// If the region is unknown, or `network` is [`Network::Vpc`] and it has no host there.
pub fn resolve(region: &str, network: Network) -> Result<&'static str, RegionError> {
    let Some((_, public, vpc)) = REGIONS.iter().find(|(known, ..)| *known == region) else {
        return Err(RegionError::UnknownRegion { region: region.to_owned(), near: near(region) });
    };
    match network {
        Network::Public => Ok(public),
        Network::Vpc => vpc.ok_or_else(|| RegionError::NoVpc { region: region.to_owned() }),
    }
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map_or(".".to_owned(), |near| format!("; did you mean `{near}`?"))
}

fn near(region: &str) -> Option<&'static str> {
    let wrong = region.trim().to_ascii_lowercase().replace('_', "-");
    nearest(&wrong, REGIONS.iter().map(|(known, ..)| *known))
}

/// Region, public host, host inside its VPCs. Public hosts: `alibabacloud-sas20181203` 10.3.2,
/// `_endpoint_map`. VPC hosts: the vendor's product metadata (`products.json`, code Sas).
const REGIONS: &[(&str, &str, Option<&str>)] = &[
    ("ap-northeast-1", INTERNATIONAL, Some(INTERNATIONAL_VPC)),
    ("ap-northeast-2", INTERNATIONAL, Some(INTERNATIONAL_VPC)),
    ("ap-south-1", INTERNATIONAL, None),
    ("ap-southeast-1", INTERNATIONAL, Some(INTERNATIONAL_VPC)),
    ("ap-southeast-2", INTERNATIONAL, Some("tds-vpc.ap-southeast-2.aliyuncs.com")),
    ("ap-southeast-3", INTERNATIONAL, Some(INTERNATIONAL_VPC)),
    ("ap-southeast-5", INTERNATIONAL, Some(INTERNATIONAL_VPC)),
    ("ap-southeast-6", INTERNATIONAL, Some(INTERNATIONAL_VPC)),
    ("ap-southeast-7", INTERNATIONAL, Some(INTERNATIONAL_VPC)),
    ("cn-beijing", CHINA, Some(CHINA_VPC)),
    ("cn-beijing-finance-1", CHINA, None),
    ("cn-chengdu", CHINA, Some(CHINA_VPC)),
    ("cn-fuzhou", CHINA, None),
    ("cn-guangzhou", CHINA, Some(CHINA_VPC)),
    ("cn-hangzhou", CHINA, Some(CHINA_VPC)),
    ("cn-hangzhou-finance", CHINA, None),
    ("cn-heyuan", CHINA, Some(CHINA_VPC)),
    ("cn-heyuan-acdr-1", CHINA, Some(CHINA_VPC)),
    ("cn-hongkong", CHINA, Some(CHINA_VPC)),
    ("cn-huhehaote", CHINA, Some(CHINA_VPC)),
    ("cn-nanjing", CHINA, None),
    ("cn-north-2-gov-1", CHINA, None),
    ("cn-qingdao", CHINA, None),
    ("cn-qingdao-acdr-ut-1", CHINA, None),
    ("cn-shanghai", CHINA, Some(CHINA_VPC)),
    ("cn-shanghai-finance-1", CHINA, None),
    ("cn-shanghai-mybk", CHINA, None),
    ("cn-shenzhen", CHINA, Some(CHINA_VPC)),
    ("cn-shenzhen-finance-1", CHINA, None),
    ("cn-wuhan-lr", CHINA, None),
    ("cn-wulanchabu", CHINA, Some(CHINA_VPC)),
    ("cn-zhangjiakou", CHINA, Some(CHINA_VPC)),
    ("cn-zhengzhou-jva", CHINA, None),
    ("eu-central-1", INTERNATIONAL, Some(INTERNATIONAL_VPC)),
    ("eu-west-1", INTERNATIONAL, Some(INTERNATIONAL_VPC)),
    ("me-central-1", INTERNATIONAL, None),
    ("me-east-1", INTERNATIONAL, None),
    ("us-east-1", INTERNATIONAL, Some(INTERNATIONAL_VPC)),
    ("us-west-1", INTERNATIONAL, Some(INTERNATIONAL_VPC)),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(serde::Deserialize)]
    struct Recorded {
        sdk_endpoint_map: BTreeMap<String, String>,
        vpc_endpoint_map: BTreeMap<String, String>,
    }

    #[test]
    fn the_table_is_that_of_the_vendor() {
        let recorded: Recorded =
            serde_json::from_str(include_str!("../../tests/data/endpoints.json")).unwrap();
        let public: BTreeMap<_, _> =
            REGIONS.iter().map(|(region, host, _)| (region.to_string(), host.to_string())).collect();
        let vpc: BTreeMap<_, _> = REGIONS
            .iter()
            .filter_map(|(region, _, host)| Some((region.to_string(), host.as_ref()?.to_string())))
            .collect();
        assert_eq!(public.len(), REGIONS.len());
        assert_eq!(public, recorded.sdk_endpoint_map);
        assert_eq!(vpc, recorded.vpc_endpoint_map);
    }

    #[test]
    fn a_slip_of_the_pen_gets_the_region_that_was_meant() {
        for (wrong, meant) in [("cn-shangai", "cn-shanghai"), ("CN-HANGZHOU", "cn-hangzhou")] {
            let error = resolve(wrong, Network::Public).unwrap_err();
            assert!(error.to_string().contains(&format!("did you mean `{meant}`?")), "{error}");
        }
        let error = resolve("moon-base-1", Network::Public).unwrap_err();
        assert!(!error.to_string().contains("did you mean"), "{error}");
        assert!(error.to_string().contains(CHINA) && error.to_string().contains(INTERNATIONAL), "{error}");
    }

    #[test]
    fn a_vpc_host_is_never_guessed() {
        assert_eq!(resolve("cn-hangzhou", Network::Vpc), Ok(CHINA_VPC));
        assert_eq!(
            resolve("cn-qingdao", Network::Vpc),
            Err(RegionError::NoVpc { region: "cn-qingdao".to_owned() })
        );
    }
}
