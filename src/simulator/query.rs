//! The parameters of `ListAgentlessTask`, understood.

use super::envelope::Refusal;
use super::params::Params;

/// Rows of a page if `PageSize` is not given.
const PAGE_SIZE_DEFAULT: u32 = 20;

/// Most ids of `TaskIdList`.
const IDS_MAX: usize = 100;

/// Which rows are wanted. Equal filters select the same rows at the same time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Filter {
    /// `RootTask`: main tasks instead of subtasks.
    pub(super) roots: bool,
    /// `TaskId`: the main task whose subtasks are wanted.
    pub(super) parent: Option<String>,
    /// `RootTaskId`: only rows of this main task.
    pub(super) root: Option<String>,
    /// `TaskIdList`.
    pub(super) ids: Option<Vec<String>>,
    /// `Status`.
    pub(super) status: Option<i64>,
    /// `TargetType`.
    pub(super) target_type: Option<i64>,
    /// `StartTime`: started then or later.
    pub(super) from: Option<i64>,
    /// `EndTime`: ended then or earlier.
    pub(super) until: Option<i64>,
    /// What the target must be.
    pub(super) target: TargetFilter,
}

/// Filters on the target of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct TargetFilter {
    /// `MachineName`: part of the instance's name.
    pub(super) machine_name: Option<String>,
    /// `TargetName`: part of the target's name.
    pub(super) target_name: Option<String>,
    /// `Uuid`, whole.
    pub(super) uuid: Option<String>,
    /// `InternetIp`, whole.
    pub(super) internet_ip: Option<String>,
    /// `IntranetIp`, whole.
    pub(super) intranet_ip: Option<String>,
}

impl TargetFilter {
    /// Whether it lets everything through.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Filter {
    /// Without anything but `RootTask` and `TaskId`: what a server that ignores filters answers.
    pub(super) fn ignored(self) -> Self {
        Self { roots: self.roots, parent: self.parent, ..Self::default() }
    }
}

/// One request for rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// Which rows.
    pub(super) filter: Filter,
    /// `CurrentPage`, from 1 on.
    pub(super) page: u64,
    /// Rows of a page, already cut down to the largest.
    pub(super) page_size: u64,
    /// `Lang=zh`.
    pub(super) chinese: bool,
}

impl Query {
    /// Reads the business parameters. Empty ones count as not given, unknown ones are ignored.
    ///
    /// # Errors
    /// `InvalidParameter` for numbers that are none, and for combinations that the vendor rules out.
    pub(super) fn read(params: &Params, page_size_max: u32) -> Result<Self, Refusal> {
        let roots = boolean(params, "RootTask")?;
        let filter = Filter {
            roots: roots.unwrap_or(false),
            parent: text(params, "TaskId"),
            root: text(params, "RootTaskId"),
            ids: ids(params)?,
            status: number(params, "Status")?,
            target_type: number(params, "TargetType")?,
            from: number(params, "StartTime")?,
            until: number(params, "EndTime")?,
            target: TargetFilter {
                machine_name: text(params, "MachineName"),
                target_name: text(params, "TargetName"),
                uuid: text(params, "Uuid"),
                internet_ip: text(params, "InternetIp"),
                intranet_ip: text(params, "IntranetIp"),
            },
        };
        if filter.ids.is_some() && (roots.is_none() || filter.parent.is_some()) {
            return Err(Refusal::invalid("TaskIdList"));
        }
        let page = positive(params, "CurrentPage")?.unwrap_or(1);
        let page_size = positive(params, "PageSize")?.unwrap_or(PAGE_SIZE_DEFAULT.into());
        let chinese = params.get("Lang").is_some_and(|lang| lang == "zh");
        Ok(Self { filter, page, page_size: page_size.min(page_size_max.into()), chinese })
    }
}

fn text(params: &Params, name: &str) -> Option<String> {
    params.get(name).filter(|value| !value.is_empty()).cloned()
}

fn number(params: &Params, name: &str) -> Result<Option<i64>, Refusal> {
    text(params, name).map(|value| value.parse().map_err(|_| Refusal::invalid(name))).transpose()
}

fn positive(params: &Params, name: &str) -> Result<Option<u64>, Refusal> {
    number(params, name)?
        .map(|value| {
            u64::try_from(value).ok().filter(|&value| value > 0).ok_or_else(|| Refusal::invalid(name))
        })
        .transpose()
}

/// In any letter case: the vendor's Python client sends `True`.
fn boolean(params: &Params, name: &str) -> Result<Option<bool>, Refusal> {
    text(params, name)
        .map(|value| value.to_ascii_lowercase().parse().map_err(|_| Refusal::invalid(name)))
        .transpose()
}

fn ids(params: &Params) -> Result<Option<Vec<String>>, Refusal> {
    let refusal = || Refusal::invalid("TaskIdList");
    let Some(json) = text(params, "TaskIdList") else { return Ok(None) };
    let ids: Vec<String> = serde_json::from_str(&json).map_err(|_| refusal())?;
    if ids.len() > IDS_MAX {
        return Err(refusal());
    }
    Ok(Some(ids))
}

#[cfg(test)]
mod tests {
    use super::super::params::decode;
    use super::*;

    #[test]
    fn what_is_not_given_has_a_default() {
        let query = Query::read(&Params::new(), 100).unwrap();
        assert_eq!((query.page, query.page_size, query.chinese), (1, 20, false));
        assert_eq!(query.filter, Filter::default());
    }

    #[test]
    fn large_pages_are_cut_down() {
        assert_eq!(Query::read(&decode("PageSize=500"), 50).unwrap().page_size, 50);
    }

    #[test]
    fn booleans_are_read_in_both_spellings() {
        for (word, roots) in [("True", true), ("true", true), ("False", false), ("false", false)] {
            let query = Query::read(&decode(&format!("RootTask={word}")), 100).unwrap();
            assert_eq!(query.filter.roots, roots, "{word}");
        }
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let ids = format!("RootTask=false&TaskIdList={:?}", vec!["1"; 101]);
        let wrong = [
            ("CurrentPage=0", "CurrentPage"),
            ("PageSize=-1", "PageSize"),
            ("StartTime=yesterday", "StartTime"),
            ("Status=1.5", "Status"),
            ("RootTask=perhaps", "RootTask"),
            ("TaskIdList=[]", "TaskIdList"),
            ("RootTask=true&TaskIdList=1", "TaskIdList"),
            ("RootTask=true&TaskId=1&TaskIdList=[\"1\"]", "TaskIdList"),
            (&ids, "TaskIdList"),
        ];
        for (query, name) in wrong {
            let refusal = Query::read(&decode(query), 100).unwrap_err();
            assert_eq!(refusal.code, "InvalidParameter", "{query}");
            assert!(refusal.message.contains(name), "{query}: {}", refusal.message);
        }
    }
}
