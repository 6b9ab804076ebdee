//! How long an organisation keeps its metrics, and what that costs.

use std::time::Duration;

use poem::web::{Data, Query};
use poem::{Response, handler};
use serde::Deserialize;
use server_scout_ui::format;
use server_scout_ui::views::{RetentionRow, RetentionView, Section, Settings};

use super::super::App;
use super::super::guard::{Access, Fields, Visitor, see_other};
use super::super::problem::Failure;
use super::login::sentence;
use super::{Declared, Routes, again, frame, html};
use crate::access::Right;
use crate::domain::ServiceError;
use crate::timeseries::{Retention, bytes_of};

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
            // What was typed stands, to be mended.
            let typed = [new.raw, new.minute, new.quarter_hour, new.hour];
            for (row, typed) in view.rows.iter_mut().zip(typed) {
                row.hours = hours_of(typed);
            }
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
    let (kept, most, a_day) = (&found.kept, &found.ceilings, &found.a_day);
    let row = |[name, words]: [&str; 2], kept: Duration, most: Duration, a_day: u64| RetentionRow {
        name: name.to_owned(),
        words: words.to_owned(),
        hours: hours_of(kept),
        days: days(kept),
        size: size(bytes_of(a_day, kept)),
        size_a_day: (a_day > 0).then(|| size(a_day)),
        bytes_a_day: a_day.to_string(),
        most: hours_of(most),
        most_days: days(most),
    };
    Ok(RetentionView {
        frame: frame(visitor),
        settings: Settings::at(Section::Retention, may_change),
        rows: vec![
            row(["raw", "Every sample"], kept.raw, most.raw, a_day.raw),
            row(
                ["minute", "One point a minute"],
                kept.minute,
                most.minute,
                a_day.minute,
            ),
            row(
                ["quarter_hour", "One point in 15 minutes"],
                kept.quarter_hour,
                most.quarter_hour,
                a_day.quarter_hour,
            ),
            row(
                ["hour", "One point an hour"],
                kept.hour,
                most.hour,
                a_day.hour,
            ),
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

fn hours_of(kept: Duration) -> String {
    (kept.as_secs() / 3600).to_string()
}

/// As the page's script writes it, too.
#[expect(
    clippy::cast_precision_loss,
    reason = "a size for people has three digits"
)]
fn size(bytes: u64) -> String {
    format::bytes(bytes as f64)
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
        assert_eq!(hours_of(Duration::from_hours(36)), "36");
        assert_eq!(size(0), "0 B");
        assert_eq!(size(41_200_000), "39.3 MiB");
    }
}
