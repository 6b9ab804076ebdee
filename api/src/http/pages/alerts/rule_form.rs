//! The form of an alert rule: what was typed, what it asks, and what it says.

use std::str::FromStr;

use server_scout_ui::views::{AlertRuleAsks, AlertRuleTyped, AlertRuleView, Choice};
use server_scout_wire::Metric;

use super::super::super::guard::{Fields, Visitor};
use super::super::super::problem::Failure;
use super::super::frame;
use super::places::{self, Places};
use super::words;
use crate::alerting::{Comparison, Kind, Labels, Measure, Reach, Severity};
use crate::domain::ServiceError;
use crate::domain::alerts::{RuleChange, RuleView};
use crate::id::{Channel, Id};
use crate::store::channels::ChannelRow;

/// A rule as its form carries it.
pub(super) struct Typed {
    kind: Kind,
    name: String,
    enabled: bool,
    scope: String,
    metric: String,
    comparison: String,
    severity: String,
    channels: Vec<Id<Channel>>,
    fields: AlertRuleTyped,
}

impl Typed {
    /// A new rule of a kind.
    pub(super) fn new(kind: Kind) -> Self {
        let sustain = if kind == Kind::Threshold { "120" } else { "" };
        Self {
            kind,
            name: String::new(),
            enabled: true,
            scope: String::new(),
            metric: Metric::CpuUsage.name().to_owned(),
            comparison: Comparison::Above.as_str().to_owned(),
            severity: Severity::Warning.as_str().to_owned(),
            channels: Vec::new(),
            fields: AlertRuleTyped {
                sustain: sustain.to_owned(),
                ..AlertRuleTyped::default()
            },
        }
    }

    /// A rule that there is.
    pub(super) fn of(rule: &RuleView) -> Self {
        let said = &rule.row.said;
        let terms = &said.terms;
        let kind = Kind::from_word(&said.kind).unwrap_or(Kind::Threshold);
        let (label, label_pattern) = match &terms.labels {
            Labels::One(label) if kind.labels().is_none() => (label.to_string(), String::new()),
            Labels::Pattern(pattern) => (String::new(), pattern.as_str().to_owned()),
            Labels::Any | Labels::One(_) => (String::new(), String::new()),
        };
        let flag = kind.form().flag.is_some();
        let threshold = |value: Option<f64>| written(value.filter(|_| !flag));
        let severity = match terms.critical {
            Some(_) => Severity::Critical,
            None => Severity::Warning,
        };
        Self {
            kind,
            name: said.name.clone(),
            enabled: said.enabled,
            scope: places::write(&said.reach),
            metric: terms.measure.as_str().to_owned(),
            comparison: terms.comparison.as_str().to_owned(),
            severity: severity.as_str().to_owned(),
            channels: said.channels.clone(),
            fields: AlertRuleTyped {
                unit: String::new(),
                label,
                label_pattern,
                warning: threshold(terms.warning),
                critical: threshold(terms.critical),
                recovery: threshold(terms.recovery),
                sustain: terms.sustain.as_secs().to_string(),
                share: terms.share.to_string(),
                cooldown: terms.cooldown.as_secs().to_string(),
                remind_every: written(terms.remind_every.map(|every| every.as_secs())),
                remind_limit: terms.remind_limit.to_string(),
            },
        }
    }

    /// What somebody sent.
    pub(super) fn sent(fields: &mut Fields) -> Result<Self, Failure> {
        Ok(Self {
            kind: kind(&fields.take("kind"))?,
            name: fields.take("name"),
            enabled: !fields.take("enabled").is_empty(),
            scope: fields.take("scope"),
            metric: fields.take("metric"),
            comparison: fields.take("comparison"),
            severity: fields.take("severity"),
            channels: channels(&fields.take_ticked(CHANNEL_FIELD))?,
            fields: AlertRuleTyped {
                unit: String::new(),
                label: fields.take("label"),
                label_pattern: fields.take("label_pattern"),
                warning: fields.take("warning"),
                critical: fields.take("critical"),
                recovery: fields.take("recovery"),
                sustain: fields.take("sustain"),
                share: fields.take("share"),
                cooldown: fields.take("cooldown"),
                remind_every: fields.take("remind_every"),
                remind_limit: fields.take("remind_limit"),
            },
        })
    }

    /// For which servers.
    pub(super) fn reach(&self) -> Result<Reach, Failure> {
        places::read(&self.scope)
    }

    /// Which channels it tells; none stands for all of them.
    pub(super) fn channels(&self) -> &[Id<Channel>] {
        &self.channels
    }

    /// What is looked at, as far as that is known.
    pub(super) fn measure(&self) -> Option<Measure> {
        let chosen = || Measure::from_word(&self.metric);
        self.kind.form().measure.or_else(chosen)
    }

    /// What it says.
    pub(super) fn change(&self, reach: Reach) -> Result<RuleChange, ServiceError> {
        let fields = &self.fields;
        let given = |text: &String| Some(text.clone()).filter(|text| !text.trim().is_empty());
        Ok(RuleChange {
            name: self.name.clone(),
            enabled: self.enabled,
            kind: self.kind.as_str().to_owned(),
            reach,
            metric: given(&self.metric),
            label: given(&fields.label),
            label_pattern: given(&fields.label_pattern),
            comparison: given(&self.comparison),
            warning: number("warning", &fields.warning)?,
            critical: number("critical", &fields.critical)?,
            recovery: number("recovery", &fields.recovery)?,
            severity: given(&self.severity),
            sustain: number("sustain", &fields.sustain)?,
            share: number("share", &fields.share)?,
            cooldown: number("cooldown", &fields.cooldown)?,
            remind_every: number("remind_every", &fields.remind_every)?,
            remind_limit: number("remind_limit", &fields.remind_limit)?,
            channels: self.channels.clone(),
        })
    }

    /// The form with it.
    pub(super) fn view(
        self,
        visitor: &Visitor,
        places: &Places,
        channels: &[ChannelRow],
    ) -> AlertRuleView {
        let form = self.kind.form();
        let unit = form.measure.map_or(OF_THE_METRIC, Measure::unit);
        let labels = form.measure.is_none_or(|measure| measure.label().is_some());
        AlertRuleView {
            frame: frame(visitor),
            id: None,
            kind: self.kind.as_str().to_owned(),
            kind_words: words::kind(self.kind).to_owned(),
            asks: AlertRuleAsks {
                metric: form.measure.is_none(),
                label: labels && form.label.is_none(),
                thresholds: form.flag.is_none(),
                sustain: form.sustains,
                cooldown: self.kind != Kind::Rebooted,
            },
            scopes: places.choices(&self.scope),
            metrics: metrics(&self.metric),
            comparisons: words_of(
                [Comparison::Above, Comparison::Below].map(Comparison::as_str),
                &self.comparison,
            ),
            severities: words_of(
                [Severity::Warning, Severity::Critical].map(Severity::as_str),
                &self.severity,
            ),
            all_wait: channels.iter().all(ChannelRow::waits_for_confirmation),
            channels: channels.iter().map(|row| self.choice(row)).collect(),
            name: self.name,
            enabled: self.enabled,
            typed: AlertRuleTyped {
                unit: unit.to_owned(),
                ..self.fields
            },
            preview: None,
            error: None,
        }
    }

    fn choice(&self, row: &ChannelRow) -> Choice {
        let state = match (row.enabled, row.waits_for_confirmation()) {
            (false, _) => " (switched off)",
            (true, true) => " (waits for its confirmation)",
            (true, false) => "",
        };
        Choice {
            id: row.id.to_string(),
            name: format!("{}{state}", row.name),
            chosen: self.channels.contains(&row.id),
        }
    }
}

/// Channels, by the boxes that are ticked; what is no id names nothing.
fn channels(ticked: &[String]) -> Result<Vec<Id<Channel>>, Failure> {
    let ids = ticked.iter().map(|id| id.parse());
    ids.collect::<Result<_, _>>()
        .map_err(|_| Failure::not_found())
}

/// A kind, by its word.
pub(super) fn kind(word: &str) -> Result<Kind, Failure> {
    Kind::from_word(word).ok_or_else(|| Failure::invalid("kind", "is none that there is"))
}

/// The kinds to choose.
pub(super) fn kinds() -> Vec<Choice> {
    let choice = |kind: Kind| Choice {
        id: kind.as_str().to_owned(),
        name: words::kind(kind).to_owned(),
        chosen: kind == Kind::Threshold,
    };
    Kind::ALL.map(choice).to_vec()
}

fn metrics(chosen: &str) -> Vec<Choice> {
    let measures = Metric::ALL.iter().copied().map(Measure::Metric);
    let all = measures.chain([Measure::MountUsage]);
    let choice = |measure: Measure| Choice {
        id: measure.as_str().to_owned(),
        name: format!(
            "{} ({})",
            measure.as_str(),
            measure.unit().replace('_', " ")
        ),
        chosen: measure.as_str() == chosen,
    };
    all.map(choice).collect()
}

fn words_of(words: [&str; 2], chosen: &str) -> Vec<Choice> {
    let choice = |word: &str| Choice {
        id: word.to_owned(),
        name: word.to_owned(),
        chosen: word == chosen,
    };
    words.map(choice).to_vec()
}

fn number<T: FromStr>(member: &'static str, text: &str) -> Result<Option<T>, ServiceError> {
    let text = Some(text.trim()).filter(|text| !text.is_empty());
    let number = text.map(|text| {
        let expected = |_| ServiceError::invalid(member, "must be a number");
        text.parse().map_err(expected)
    });
    number.transpose()
}

fn written<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// What the names of the boxes of channels begin with.
const CHANNEL_FIELD: &str = "channel-";
const OF_THE_METRIC: &str = "in the unit of the metric";
