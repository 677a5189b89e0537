//! The request parameters of `ListAgentlessTask`.

use std::collections::BTreeMap;

use crate::clock::UnixMillis;
use crate::model::{Status, TargetType};

/// `RootTask`: which kind of tasks is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RootTask {
    /// `false`: subtasks.
    #[default]
    False,
    /// `true`: main tasks.
    True,
    /// Not sent. What the API does then is not documented, so only a person who wants to know that
    /// asks so; the poller never does.
    Omitted,
}

/// What is asked for: every parameter of the operation but the page. All filters are joined by
/// "and". Source: `alibabacloud_sas20181203` 10.3.2, `ListAgentlessTaskRequest`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// `RootTask`.
    pub root_task: RootTask,
    /// `TargetType`; unknown ones cannot be asked for.
    pub target_type: Option<TargetType>,
    /// `Status`; unknown ones cannot be asked for.
    pub status: Option<Status>,
    /// `StartTime`: tasks that started then or later.
    pub start_time: Option<UnixMillis>,
    /// `EndTime`. Its meaning is not documented and a running task may carry a future one, so
    /// the poller never sends it.
    pub end_time: Option<UnixMillis>,
    /// `TaskId`: the main task whose subtasks are wanted.
    pub task_id: Option<String>,
    /// `TaskIdList`: up to 100 ids; not together with `task_id`.
    pub task_id_list: Vec<String>,
    /// `RootTaskId`: narrows to one main task.
    pub root_task_id: Option<String>,
    /// `Uuid` of a host.
    pub uuid: Option<String>,
    /// `TargetName`.
    pub target_name: Option<String>,
    /// `MachineName`.
    pub machine_name: Option<String>,
    /// `InternetIp`.
    pub internet_ip: Option<String>,
    /// `IntranetIp`.
    pub intranet_ip: Option<String>,
}

impl RootTask {
    const fn value(self) -> Option<&'static str> {
        match self {
            Self::False => Some("false"),
            Self::True => Some("true"),
            Self::Omitted => None,
        }
    }
}

impl Query {
    /// Main tasks.
    pub fn main_tasks() -> Self {
        Self { root_task: RootTask::True, ..Self::default() }
    }

    /// Subtasks of all main tasks.
    pub fn subtasks() -> Self {
        Self::default()
    }

    /// Subtasks of the main task `id`.
    pub fn subtasks_of(id: &str) -> Self {
        Self { task_id: Some(id.to_owned()), ..Self::default() }
    }

    /// Whatever the API lists if it is not told what.
    pub fn unsaid() -> Self {
        Self { root_task: RootTask::Omitted, ..Self::default() }
    }

    /// The parameters for page `page` (from 1) of `page_size` rows.
    pub fn parameters(&self, page: u32, page_size: u32) -> BTreeMap<String, String> {
        let mut parameters = BTreeMap::new();
        let mut put = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                parameters.insert(name.to_owned(), value);
            }
        };
        let millis = |time: UnixMillis| time.as_millis().to_string();
        put("CurrentPage", Some(page.to_string()));
        put("PageSize", Some(page_size.to_string()));
        // The language changes texts, so it is pinned.
        put("Lang", Some("en".to_owned()));
        put("RootTask", self.root_task.value().map(str::to_owned));
        put("TargetType", self.target_type.and_then(TargetType::code).map(|code| code.to_string()));
        put("Status", self.status.and_then(Status::code).map(|code| code.to_string()));
        put("StartTime", self.start_time.map(millis));
        put("EndTime", self.end_time.map(millis));
        put("TaskId", self.task_id.clone());
        put("TaskIdList", (!self.task_id_list.is_empty()).then(|| json_list(&self.task_id_list)));
        put("RootTaskId", self.root_task_id.clone());
        put("Uuid", self.uuid.clone());
        put("TargetName", self.target_name.clone());
        put("MachineName", self.machine_name.clone());
        put("InternetIp", self.internet_ip.clone());
        put("IntranetIp", self.intranet_ip.clone());
        parameters
    }
}

/// One compact JSON array, as the vendor's SDK sends a list.
fn json_list(items: &[String]) -> String {
    serde_json::Value::from(items).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_sent_under_its_name() {
        let text = |value: &str| Some(value.to_owned());
        let query = Query {
            root_task: RootTask::True,
            target_type: Some(TargetType::Image),
            status: Some(Status::TimedOut),
            start_time: UnixMillis::new(1_651_290_987_000),
            end_time: UnixMillis::new(1_651_290_988_000),
            task_id: text("t"),
            task_id_list: vec!["a".to_owned(), "b\"".to_owned()],
            root_task_id: text("r"),
            uuid: text("u"),
            target_name: text("n"),
            machine_name: text("m"),
            internet_ip: text("1.2.3.4"),
            intranet_ip: text("10.0.0.1"),
        };
        let sent: Vec<String> =
            query.parameters(3, 50).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = [
            "CurrentPage=3",
            "EndTime=1651290988000",
            "InternetIp=1.2.3.4",
            "IntranetIp=10.0.0.1",
            "Lang=en",
            "MachineName=m",
            "PageSize=50",
            "RootTask=true",
            "RootTaskId=r",
            "StartTime=1651290987000",
            "Status=4",
            "TargetName=n",
            "TargetType=2",
            "TaskId=t",
            "TaskIdList=[\"a\",\"b\\\"\"]",
            "Uuid=u",
        ];
        assert_eq!(sent, expected);
    }

    #[test]
    fn what_is_not_asked_for_is_not_sent() {
        let names: Vec<String> = Query::subtasks().parameters(1, 20).into_keys().collect();
        assert_eq!(names, ["CurrentPage", "Lang", "PageSize", "RootTask"]);
    }

    #[test]
    fn only_a_query_that_says_so_leaves_out_which_kind_of_tasks_is_wanted() {
        let sent = |query: Query| query.parameters(1, 20).get("RootTask").cloned();
        assert_eq!(sent(Query::default()).as_deref(), Some("false"));
        assert_eq!(sent(Query::main_tasks()).as_deref(), Some("true"));
        assert_eq!(sent(Query::unsaid()), None);
    }
}
