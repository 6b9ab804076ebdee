//! How long an organisation keeps its metrics, and what that costs.

use std::time::Duration;

use poem::web::{Data, Query};
use poem::{Response, handler};
use serde::Deserialize;
use server_scout_ui::views::{RetentionRow, RetentionView, Section, Settings};

use super::super::App;
use super::super::guard::{Access, Fields, Visitor, see_other};
use super::super::problem::Failure;
use super::login::sentence;
use super::{Declared, Routes, again, frame, html};
use crate::access::Right;
use crate::domain::ServiceError;
use crate::timeseries::Retention;

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    route.at(
        "/settings/retention",
        pages
            .get(Access::Session, show)
            .post(pages.guard(Access::Fresh, change)),
    )
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShowQuery {
    done: Option<Done>,
}

/// What was just done here.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Done {
    Changed,
}

#[handler]
async fn show(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<ShowQuery>,
) -> poem::Result<Response> {
    let mut view = view(app, &visitor).await?;
    view.notice = query
        .done
        .map(|Done::Changed| "From now on so much is kept. What is older goes soon.".to_owned());
    Ok(html(app.pages().retention(&view))?)
}

#[handler]
async fn change(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let mut hours = |name: &'static str| -> Result<Duration, Failure> {
        let typed = fields.take(name);
        let hours: u32 = typed
            .trim()
            .parse()
            .map_err(|_| Failure::invalid(name, "must be a whole number of hours"))?;
        Ok(Duration::from_secs(u64::from(hours) * 3600))
    };
    let new = Retention {
        raw: hours("raw")?,
        minute: hours("minute")?,
        quarter_hour: hours("quarter_hour")?,
        hour: hours("hour")?,
    };
    match app.services().set_retention(&visitor.person, new).await {
        Ok(()) => Ok(see_other("/settings/retention?done=changed")),
        Err(error @ ServiceError::Invalid { .. }) => {
            let mut view = view(app, &visitor).await?;
            view.error = Some(sentence(&error));
            Ok(again(app.pages().retention(&view), error)?)
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

async fn view(app: &App, visitor: &Visitor) -> Result<RetentionView, Failure> {
    let scope = visitor.person.scope(Right::Read)?;
    let found = app.services().retention(scope).await?;
    let may_change = visitor.person.may(Right::Administer);
    let (kept, most) = (&found.kept, &found.ceilings);
    let row = |name: &str, words: &str, kept: Duration, most: Duration| RetentionRow {
        name: name.to_owned(),
        words: words.to_owned(),
        hours: (kept.as_secs() / 3600).to_string(),
        days: days(kept),
        most: (most.as_secs() / 3600).to_string(),
        most_days: days(most),
    };
    Ok(RetentionView {
        frame: frame(visitor),
        settings: Settings::at(Section::Retention, may_change),
        rows: vec![
            row("raw", "Every sample", kept.raw, most.raw),
            row("minute", "One point a minute", kept.minute, most.minute),
            row(
                "quarter_hour",
                "One point in 15 minutes",
                kept.quarter_hour,
                most.quarter_hour,
            ),
            row("hour", "One point an hour", kept.hour, most.hour),
        ],
        size: size(found.bytes),
        series: found.series.to_string(),
        may_change,
        notice: None,
        error: None,
    })
}

/// `2 days`, or `36 hours` where it is no whole number of days.
fn days(kept: Duration) -> String {
    let hours = kept.as_secs() / 3600;
    match (hours / 24, hours % 24) {
        (1, 0) => "1 day".to_owned(),
        (days, 0) => format!("{days} days"),
        _ if hours == 1 => "1 hour".to_owned(),
        _ => format!("{hours} hours"),
    }
}

fn size(bytes: u64) -> String {
    let (unit, divisor) = match bytes {
        0..1_000_000 => ("kB", 1_000),
        1_000_000..1_000_000_000 => ("MB", 1_000_000),
        _ => ("GB", 1_000_000_000),
    };
    format!("{} {unit}", bytes.div_ceil(divisor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_written_for_people() {
        assert_eq!(days(Duration::from_hours(48)), "2 days");
        assert_eq!(days(Duration::from_hours(24)), "1 day");
        assert_eq!(days(Duration::from_hours(36)), "36 hours");
        assert_eq!(days(Duration::from_hours(1)), "1 hour");
        assert_eq!(size(1), "1 kB");
        assert_eq!(size(41_200_000), "42 MB");
        assert_eq!(size(2_000_000_000), "2 GB");
    }
}
