//! Claude Code: `~/.claude/projects/<folder>/<session>.jsonl`, sub-agents in `<session>/subagents/agent-<id>.jsonl`.
//!
//! An answer is a line for each of its parts, all with the usage of the whole: at its start in some versions, at its end
//! in others. Resumed and forked sessions copy lines into new files, without the request's id (1.0.80) or with their
//! usage set to nought (after a compaction). So a call is its `message.id`, over all files, with the largest usage.
//!
//! From 2.1.330 on a line says of each try that it was sent, and `cost-state` lines count all that a run has used. What
//! they have beyond the calls with lines was used by calls that have none: compactions, and titles of sessions.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Calls, Note, Told, count, fields, has, shared, time};
use crate::ingest::call::Ending;
use crate::ingest::json::{Soft, present, word};
use crate::ingest::usage::{Figures, Habits, Place, tier_of};
use crate::model::UnixMs;
use crate::pricing::ServiceTier;

/// Its `input_tokens` leave out what was read from and written to the cache.
pub(super) const HABITS: Habits = Habits { cache: Place::Beside, reasoning: Place::Within };
const PROVIDER: &str = "anthropic";
/// The model of lines that the client made up itself.
const SYNTHETIC: &str = "<synthetic>";

/// What stands in every line that is looked at. Within a text the quotes would have backslashes.
static WANTED: LazyLock<[Finder<'static>; 6]> = LazyLock::new(|| {
    ["\"usage\"", "\"api-request\"", "\"cost-state\"", "\"api_error\"", "\"compact_boundary\"", "\"agentId\""]
        .map(Finder::new)
});

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    subtype: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
    cwd: Option<&'a RawValue>,
    version: Option<&'a RawValue>,
    session_id: Option<&'a RawValue>,
    request_session_id: Option<&'a RawValue>,
    forked_from: Option<&'a RawValue>,
    request_id: Option<&'a RawValue>,
    request_ref: Option<&'a RawValue>,
    agent_id: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    is_api_error_message: Option<&'a RawValue>,
    api_error_status: Option<&'a RawValue>,
    start_time: Option<&'a RawValue>,
    model_usage: Option<BTreeMap<String, &'a RawValue>>,
    #[serde(default)]
    error: Soft<ApiError<'a>>,
    #[serde(default)]
    message: Soft<Message<'a>>,
    #[serde(default)]
    params: Soft<Parameters<'a>>,
    #[serde(default)]
    tool_use_result: Soft<ToolResult<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ApiError<'a> {
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    request_id: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    model: Option<&'a RawValue>,
    stop_reason: Option<&'a RawValue>,
    usage: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ToolResult<'a> {
    #[serde(borrow)]
    agent_id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Usage<'a> {
    #[serde(borrow)]
    input_tokens: Option<&'a RawValue>,
    output_tokens: Option<&'a RawValue>,
    cache_read_input_tokens: Option<&'a RawValue>,
    cache_creation_input_tokens: Option<&'a RawValue>,
    #[serde(default)]
    cache_creation: Soft<CacheCreation<'a>>,
    #[serde(default)]
    output_tokens_details: Soft<OutputDetails<'a>>,
    service_tier: Option<&'a RawValue>,
    speed: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CacheCreation<'a> {
    #[serde(borrow)]
    ephemeral_1h_input_tokens: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OutputDetails<'a> {
    #[serde(borrow)]
    thinking_tokens: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ModelUsage<'a> {
    #[serde(borrow)]
    input_tokens: Option<&'a RawValue>,
    output_tokens: Option<&'a RawValue>,
    thinking_tokens: Option<&'a RawValue>,
    cache_read_input_tokens: Option<&'a RawValue>,
    cache_creation_input_tokens: Option<&'a RawValue>,
    cache_creation_ephemeral1h_input_tokens: Option<&'a RawValue>,
}

/// What one file tells.
#[derive(Debug, Default)]
pub(super) struct File {
    /// How its project's folder is called: the working directory with `-` in place of what is no letter or digit.
    project: String,
    /// The sub-agent whose file it is.
    agent: Option<String>,
    calls: Vec<Answered>,
    /// Of each `message.id` its place in `calls`.
    by_message: HashMap<Box<str>, usize>,
    tries: Vec<Try>,
    costs: Vec<CostState>,
    /// Sub-agents that were called, and where.
    agents: Vec<(u64, String)>,
    /// Lines of compactions, with their times.
    compactions: Vec<(u64, UnixMs)>,
    /// Whether it has lines of calls that another session made.
    has_copies: bool,
    /// Whether the newest answer in it is one after which nothing is to come.
    is_at_rest: bool,
    /// The newest time that a line has, and the newest folder.
    last_at: Option<UnixMs>,
    folder: Option<Arc<str>>,
}

/// A call that was answered.
#[derive(Debug)]
struct Answered {
    /// Where it was sent, or where its first line is. Lines of an answer may come after what counts it, the line of its
    /// request does not.
    place: u64,
    told: Told,
}

/// A request that was sent.
#[derive(Debug)]
struct Try {
    id: Box<str>,
    line: u64,
    at: Option<UnixMs>,
    model: Option<Arc<str>>,
    version: Option<Arc<str>>,
    /// How a line says that it failed: the status, and the request's id.
    failed: Option<(Option<u16>, Option<String>)>,
    /// Whether that line says that there will be no further try.
    is_last: bool,
    is_answered: bool,
}

/// What a run has used so far, by model.
#[derive(Debug)]
struct CostState {
    line: u64,
    start_time: String,
    at: Option<UnixMs>,
    version: Option<Arc<str>>,
    models: BTreeMap<String, Used>,
}

/// Input without cache, output, read from a cache, written to one, of that for an hour, reasoning.
type Used = [u64; 6];

/// The event id that telemetry has for the request.
fn id_of_request(request: &str) -> String {
    format!("claude-code\n{request}")
}

fn id_of_message(message: &str) -> String {
    format!("claude-code\nmessage\n{message}")
}

impl File {
    pub fn new(path: &str) -> File {
        // The folder of a project, whatever is below it.
        let of_project = path.rsplit(['/', '\\']).zip(path.rsplit(['/', '\\']).skip(1));
        let project = of_project.filter(|(_, above)| *above == "projects").map(|(project, _)| project).last();
        let project = project.or(path.rsplit(['/', '\\']).nth(1)).unwrap_or_default().to_owned();
        File { project, ..File::default() }
    }

    pub fn line(&mut self, at: u64, line: &[u8]) -> Result<(), String> {
        if !has(line, &*WANTED) {
            return Ok(());
        }
        let line: Line<'_> = fields(line)?;
        let when = time(line.timestamp);
        self.last_at = self.last_at.max(when);
        self.folder = self.folder_of(&line)?.or(self.folder.take());
        match word("type", line.kind)?.as_deref() {
            Some("assistant") => self.assistant(at, &line, when),
            Some("api-request") => self.request(at, &line, when),
            Some("cost-state") => self.cost_state(at, &line),
            Some("system") => self.system(at, &line, when),
            Some("user") => {
                if let Some(agent) = word("agentId", line.tool_use_result.0.agent_id).ok().flatten() {
                    self.agents.push((at, agent.into_owned()));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn assistant(&mut self, at: u64, line: &Line<'_>, when: Option<UnixMs>) -> Result<(), String> {
        let message = &line.message.0;
        let model = word("model", message.model)?;
        if model.as_deref() == Some(SYNTHETIC) {
            if line.is_api_error_message.is_some_and(|is| is.get() == "true") {
                self.failed(line.api_error_status, line.request_id, true)?;
            }
            return Ok(());
        }
        let (Some(id), Some(usage)) = (word("message.id", message.id)?, present(message.usage)) else { return Ok(()) };
        if self.agent.is_none() {
            self.agent = word("agentId", line.agent_id)?.map(Cow::into_owned);
        }
        let answered = word("requestRef", line.request_ref)?;
        let sent = self.tries.iter_mut().rev().find(|sent| answered.as_deref() == Some(&*sent.id));
        let (place, sent_at) = match sent {
            Some(sent) => {
                sent.is_answered = true;
                (sent.line, sent.at)
            }
            None => {
                self.has_copies |= answered.is_some();
                (at, None)
            }
        };
        let session = word("sessionId", line.session_id)?;
        let of = word("requestSessionId", line.request_session_id)?;
        self.has_copies |= of.is_some_and(|of| session.as_deref() != Some(&*of)) || present(line.forked_from).is_some();
        let ends = word("stop_reason", message.stop_reason)?;
        self.is_at_rest = ends.as_deref().is_some_and(|ends| ends != "tool_use" && ends != "pause_turn");
        let (figures, tier) = figures(usage)?;
        let told = Told {
            other_id: word("requestId", line.request_id)?.map(|request| id_of_request(&request)),
            at: sent_at.into_iter().chain(when).min(),
            model: model.as_deref().map(Arc::from),
            provider: Some(PROVIDER.into()),
            folder: self.folder.clone(),
            version: shared("version", line.version)?,
            figures,
            is_partial: ends.is_none(),
            tier,
            ..Told::new(id_of_message(&id), at)
        };
        match self.by_message.get(&*id) {
            Some(known) => self.calls[*known].told.fold(told),
            None => {
                self.by_message.insert(Box::from(&*id), self.calls.len());
                self.calls.push(Answered { place, told });
            }
        }
        Ok(())
    }

    fn request(&mut self, at: u64, line: &Line<'_>, when: Option<UnixMs>) -> Result<(), String> {
        let Some(id) = word("id", line.id)? else { return Ok(()) };
        self.tries.push(Try {
            id: Box::from(&*id),
            line: at,
            at: when,
            model: shared("model", line.params.0.model)?,
            version: shared("version", line.version)?,
            failed: None,
            is_last: false,
            is_answered: false,
        });
        self.is_at_rest = false;
        Ok(())
    }

    fn system(&mut self, at: u64, line: &Line<'_>, when: Option<UnixMs>) -> Result<(), String> {
        match (word("subtype", line.subtype)?.as_deref(), when) {
            (Some("api_error"), _) => {
                let error = &line.error.0;
                self.failed(error.status, error.request_id, false)
            }
            (Some("compact_boundary"), Some(when)) => {
                self.compactions.push((at, when));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Notes how the try that was sent last failed.
    fn failed(&mut self, status: Option<&RawValue>, request: Option<&RawValue>, is_last: bool) -> Result<(), String> {
        let Some(sent) = self.tries.last_mut().filter(|sent| !sent.is_answered) else { return Ok(()) };
        let status = count("status", status).ok().flatten().and_then(|status| u16::try_from(status).ok());
        sent.failed = Some((status, word("requestId", request)?.map(|request| id_of_request(&request))));
        sent.is_last |= is_last;
        self.is_at_rest |= is_last;
        Ok(())
    }

    fn cost_state(&mut self, at: u64, line: &Line<'_>) -> Result<(), String> {
        let (Some(start_time), Some(usage)) = (line.start_time, &line.model_usage) else { return Ok(()) };
        let mut models = BTreeMap::new();
        for (model, usage) in usage {
            let usage: ModelUsage<'_> =
                crate::ingest::json::object(usage.get()).map_err(|e| format!("modelUsage: {e}"))?;
            let of = |field, value| count(field, value).map(Option::unwrap_or_default);
            let used = [
                of("inputTokens", usage.input_tokens)?,
                of("outputTokens", usage.output_tokens)?,
                of("cacheReadInputTokens", usage.cache_read_input_tokens)?,
                of("cacheCreationInputTokens", usage.cache_creation_input_tokens)?,
                of("cacheCreationEphemeral1hInputTokens", usage.cache_creation_ephemeral1h_input_tokens)?,
                of("thinkingTokens", usage.thinking_tokens)?,
            ];
            // The size of the context that was asked for is no part of the name that answers have.
            let model = model.split('[').next().unwrap_or_default();
            let known: &mut Used = models.entry(model.to_owned()).or_default();
            known.iter_mut().zip(used).for_each(|(sum, more)| *sum = sum.saturating_add(more));
        }
        self.costs.push(CostState {
            line: at,
            start_time: start_time.get().to_owned(),
            at: self.last_at,
            version: self.calls.last().and_then(|call| call.told.version.clone()),
            models,
        });
        Ok(())
    }

    /// The working directory, or what of it the project's folder is named after: it follows a `cd` in the shell.
    fn folder_of(&self, line: &Line<'_>) -> Result<Option<Arc<str>>, String> {
        let Some(folder) = word("cwd", line.cwd)? else { return Ok(None) };
        let is_projects = |folder: &str| {
            let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
            folder.chars().map(plain).eq(self.project.chars())
        };
        let mut of = &*folder;
        while !is_projects(of) {
            match of.rfind(['/', '\\']) {
                Some(end) if end > 0 => of = &of[..end],
                _ => return Ok(Some(Arc::from(&*folder))),
            }
        }
        Ok(Some(Arc::from(of)))
    }
}

fn figures(usage: &RawValue) -> Result<(Figures, ServiceTier), String> {
    let usage: Usage<'_> = crate::ingest::json::object(usage.get()).map_err(|error| format!("usage: {error}"))?;
    let mut figures = Figures {
        input: count("input_tokens", usage.input_tokens)?,
        output: count("output_tokens", usage.output_tokens)?,
        cached: count("cache_read_input_tokens", usage.cache_read_input_tokens)?,
        cache_write: count("cache_creation_input_tokens", usage.cache_creation_input_tokens)?,
        cache_write_1h: count("ephemeral_1h_input_tokens", usage.cache_creation.0.ephemeral_1h_input_tokens)?,
        reasoning: count("thinking_tokens", usage.output_tokens_details.0.thinking_tokens)?,
        ..Figures::default()
    };
    let is_zero = |figure: Option<u64>| figure.unwrap_or(0) == 0;
    if [figures.input, figures.output, figures.cached, figures.cache_write].into_iter().all(is_zero) {
        // A copy whose usage was set to nought, but for the parts of what was written. It is not known.
        figures = Figures::default();
    }
    let tier = match word("speed", usage.speed)?.as_deref() {
        // It has prices of its own.
        Some("fast") => ServiceTier::Other,
        _ => word("service_tier", usage.service_tier)?.map_or(ServiceTier::Standard, |tier| tier_of(&tier)),
    };
    Ok((figures, tier))
}

/// What the files of a home tell together.
pub(super) fn calls(files: &[(usize, &File)], calls: &mut Calls) {
    for (number, file) in files {
        calls.calls.extend(file.calls.iter().map(|call| (*number, call.told.clone())));
    }
    let mut whole: HashMap<&str, Told> = HashMap::new();
    for Answered { told, .. } in files.iter().flat_map(|(_, file)| &file.calls) {
        match whole.get_mut(&*told.id) {
            Some(known) => known.fold(told.clone()),
            None => drop(whole.insert(&told.id, told.clone())),
        }
    }
    let mut agents: HashMap<&str, &File> = HashMap::new();
    for (agent, file) in files.iter().filter_map(|(_, file)| Some((file.agent.as_deref()?, *file))) {
        // Of copies the one that has come further.
        let known = agents.entry(agent).or_insert(file);
        if (file.calls.len(), file.is_at_rest) > (known.calls.len(), known.is_at_rest) {
            *known = file;
        }
    }
    for (number, file) in files {
        file.failures(*number, calls);
        file.without_lines(*number, &whole, &agents, calls);
    }
}

impl File {
    /// Whether nothing that comes later can be the answer of a try: it was answered, it was the last, or a later one was.
    fn is_settled(&self, sent: usize) -> bool {
        self.tries[sent].is_last || self.tries[sent..].iter().any(|later| later.is_answered || later.is_last)
    }

    /// Tries that have no answer, as far as it is sure that none will come.
    fn failures(&self, number: usize, calls: &mut Calls) {
        for (place, sent) in self.tries.iter().enumerate() {
            if sent.is_answered || !self.is_settled(place) {
                continue;
            }
            let (status, request) = sent.failed.clone().unwrap_or_default();
            let told = Told {
                other_id: request,
                at: sent.at,
                model: sent.model.clone(),
                provider: Some(PROVIDER.into()),
                folder: self.folder.clone(),
                version: sent.version.clone(),
                ending: Ending::of_status(status),
                ..Told::new(format!("claude-code\ntry\n{}", sent.id), sent.line)
            };
            calls.calls.push((number, told));
        }
    }

    /// What was used between two states of the costs by calls that have no line.
    fn without_lines(
        &self,
        number: usize,
        whole: &HashMap<&str, Told>,
        agents: &HashMap<&str, &File>,
        calls: &mut Calls,
    ) {
        let nothing = BTreeMap::new();
        for (place, after) in self.costs.iter().enumerate() {
            let before = place.checked_sub(1).map(|before| &self.costs[before]);
            let (from, used_before) = match before {
                Some(before) if before.start_time == after.start_time => (before.line, &before.models),
                // The run before had its own count. What a fork has counted before its first line is in another file.
                Some(before) => (before.line, &nothing),
                None if self.has_copies => continue,
                None => (0, &nothing),
            };
            let mut told_by_lines: BTreeMap<&str, Used> = BTreeMap::new();
            let sure = self.add_calls(from, after.line, whole, agents, &mut told_by_lines);
            for (model, used) in &after.models {
                let known = used_before.get(model).copied().unwrap_or_default();
                let told = told_by_lines.get(&**model).copied().unwrap_or_default();
                let mut rest: Used = [0; 6];
                let mut fits = true;
                for (figure, rest) in rest.iter_mut().enumerate() {
                    match used[figure].checked_sub(known[figure]).and_then(|more| more.checked_sub(told[figure])) {
                        Some(more) => *rest = more,
                        None => fits = false,
                    }
                }
                let [input, output, cached, written, written_1h, reasoning] = rest;
                // What came out of nothing belongs to an answer of which more was written than its line says.
                if output == 0 || input + cached + written == 0 || !fits {
                    continue;
                }
                if !sure {
                    let why = format!(
                        "{model} used {output} more output tokens than the calls before this line; \
                         whether those are all of them is not sure"
                    );
                    calls.unsure.push((number, Note { line: after.line, why }));
                    continue;
                }
                let compaction = self.compactions.iter().rfind(|(line, _)| (from..after.line).contains(line));
                let sums = used.map(|sum| sum.to_string()).join(" ");
                let told = Told {
                    at: compaction.map(|(_, at)| *at).or(after.at),
                    model: Some(model.as_str().into()),
                    provider: Some(PROVIDER.into()),
                    folder: self.folder.clone(),
                    version: after.version.clone(),
                    figures: Figures {
                        input: Some(input),
                        output: Some(output),
                        cached: Some(cached),
                        cache_write: Some(written),
                        cache_write_1h: Some(written_1h),
                        reasoning: Some(reasoning),
                        ..Figures::default()
                    },
                    ..Told::new(format!("claude-code\ncost-state\n{}\n{model}\n{sums}", after.start_time), after.line)
                };
                calls.calls.push((number, told));
            }
        }
    }

    /// Adds up the calls of this file and its sub-agents between two lines. Whether those are known to be all that will
    /// ever have lines.
    fn add_calls<'w>(
        &'w self,
        from: u64,
        to: u64,
        whole: &'w HashMap<&str, Told>,
        agents: &HashMap<&str, &'w File>,
        sums: &mut BTreeMap<&'w str, Used>,
    ) -> bool {
        let mut is_sure = true;
        let mut add = |id: &str| {
            let Some(told) = whole.get(id) else { return };
            let figures = told.figures;
            let used = [
                figures.input,
                figures.output,
                figures.cached,
                figures.cache_write,
                figures.cache_write_1h,
                figures.reasoning,
            ];
            let sum = sums.entry(told.model.as_deref().unwrap_or_default()).or_default();
            sum.iter_mut().zip(used).for_each(|(sum, more)| *sum = sum.saturating_add(more.unwrap_or(0)));
        };
        let is_within = |line: u64| (from..to).contains(&line);
        self.calls.iter().filter(|call| is_within(call.place)).for_each(|call| add(&call.told.id));
        for (place, sent) in self.tries.iter().enumerate() {
            is_sure &= sent.line >= to || self.is_settled(place);
        }
        let mut waiting: Vec<&str> =
            self.agents.iter().filter(|(line, _)| is_within(*line)).map(|(_, agent)| &**agent).collect();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        while let Some(agent) = waiting.pop() {
            // One that is called again goes on in its file: what is of which run cannot be told.
            is_sure &= !self.agents.iter().any(|(line, known)| known == agent && !is_within(*line));
            if !seen.insert(agent) {
                continue;
            }
            match agents.get(agent) {
                Some(file) => {
                    is_sure &= file.is_at_rest;
                    file.calls.iter().for_each(|call| add(&call.told.id));
                    waiting.extend(file.agents.iter().map(|(_, agent)| &**agent));
                }
                None => is_sure = false,
            }
        }
        is_sure
    }
}
