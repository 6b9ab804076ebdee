//! The main job in a real browser that trusts nothing but the dashboard's own CA.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::time::{Duration, Instant};

use server_scout_tests::browser::{BROWSER_PATIENCE, Browser, Habits};
use server_scout_tests::dashboard::{Setup, read_address, read_first_owner_token};
use server_scout_tests::fleet::{OWNER, PASSWORD};
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Dashboard, Fleet, Program, report};
use thirtyfour::prelude::*;

/// Keeps every chart that the page draws where a test can look at it.
const CHART_PROBE: &str = "
    let library;
    window.charts = [];
    Object.defineProperty(window, 'uPlot', {
        get: () => library,
        set: (real) => {
            library = new Proxy(real, {
                construct(target, values) {
                    const chart = Reflect.construct(target, values);
                    window.charts.push(chart);
                    return chart;
                },
            });
        },
    });
";

/// How many points of CPU usage are drawn.
const CPU_POINTS: &str = "
    const figure = document.querySelector('[data-chart=cpu]');
    const chart = (window.charts || []).findLast((chart) => figure && figure.contains(chart.root));
    return chart ? chart.data[1].filter((value) => typeof value === 'number').length : -1;
";

async fn cpu_points(browser: &Browser) -> i64 {
    browser.script(CPU_POINTS).await.as_i64().unwrap_or(-1)
}

/// Logs in through the form and arrives at the list.
async fn log_in(browser: &Browser, dashboard: &Dashboard) {
    browser.open(&dashboard.url("/login")).await;
    browser.fill("email", OWNER).await;
    browser.fill("password", PASSWORD).await;
    browser.send_form_of("password").await;
    browser.shows("web-1", BROWSER_PATIENCE).await;
}

async fn assert_no_complaints(browser: &Browser) {
    let complaints = browser.complaints().await;
    assert!(
        complaints.is_empty(),
        "the console complains: {complaints:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_printed_link_to_a_moving_chart_of_this_machine() {
    let setup = Setup::new();
    let data_dir = setup.data_dir().to_str().unwrap().to_owned();
    let arguments = [
        "quickstart",
        "--data-dir",
        &data_dir,
        "--listen",
        "127.0.0.1:0",
    ];
    let mut program = Program::start_group(setup.command(&arguments));
    let _ = program.line("the address", PATIENCE, read_address).await;
    let token = program
        .line("the link", PATIENCE, read_first_owner_token)
        .await;
    let dashboard = Dashboard::of(program, setup).await;
    let browser = Browser::trusting(&dashboard.ca_file()).await;
    browser.before_every_page(CHART_PROBE).await;

    browser
        .open(&dashboard.url(&format!("/first-owner/{token}")))
        .await;
    browser.picture("first-owner").await;
    browser.fill("email", OWNER).await;
    browser.fill("password", PASSWORD).await;
    browser.fill("organisation", "Example").await;
    let start = Instant::now();
    browser.send_form_of("password").await;

    // This machine is online within ten seconds of the owner's first look.
    let limit = Duration::from_secs(10);
    until("this machine is online", BROWSER_PATIENCE, async || {
        browser
            .driver
            .find(By::Css("a[href^='/servers/']:not([href='/servers/new'])"))
            .await
            .ok()?;
        browser
            .text()
            .await
            .to_lowercase()
            .contains("online")
            .then_some(())
    })
    .await;
    assert!(start.elapsed() < limit, "it took {:?}", start.elapsed());
    browser.picture("servers").await;

    let link = By::Css("a[href^='/servers/']:not([href='/servers/new'])");
    browser
        .driver
        .find(link)
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    until("the CPU chart is drawn", BROWSER_PATIENCE, async || {
        let drawn = browser
            .script("return document.querySelectorAll('canvas').length")
            .await;
        (drawn.as_i64() > Some(0) && cpu_points(&browser).await > 0).then_some(())
    })
    .await;
    let before = cpu_points(&browser).await;
    until("the CPU chart gains points", BROWSER_PATIENCE, async || {
        (cpu_points(&browser).await >= before + 2).then_some(())
    })
    .await;
    browser.picture("server").await;
    assert_no_complaints(&browser).await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_say_the_same_without_script() {
    let fleet = Fleet::start().await;
    // What a counter grows per second takes two reports to know.
    for (seq, seconds) in [(1, 5), (2, 0)] {
        fleet
            .accepted(&report::full(report::seconds_ago(seconds), seq))
            .await;
    }
    let ca = fleet.dashboard.ca_file();
    let browser = Browser::start(Habits {
        ca_file: Some(&ca),
        script: false,
    })
    .await;

    log_in(&browser, &fleet.dashboard).await;
    browser.shows("61.3", PATIENCE).await;
    browser
        .open(
            &fleet
                .dashboard
                .url(&format!("/servers/{}", fleet.server.id)),
        )
        .await;
    for shown in ["web-1", "61.3", "23.4", "/home", "eth0"] {
        browser.shows(shown, PATIENCE).await;
    }
    browser.picture("server-without-script").await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_server_is_added_through_the_form_with_key_and_instructions() {
    let fleet = Fleet::start().await;
    let browser = Browser::trusting(&fleet.dashboard.ca_file()).await;
    log_in(&browser, &fleet.dashboard).await;

    browser.open(&fleet.dashboard.url("/servers/new")).await;
    browser.picture("new-server").await;
    browser.fill("name", "db-1").await;
    browser.send_form_of("name").await;
    browser.shows("db-1", BROWSER_PATIENCE).await;

    let page = browser.driver.source().await.unwrap();
    for snippet in ["SERVERSCOUT_URL", "systemctl", "services.server-scout"] {
        assert!(page.contains(snippet), "{snippet} is missing: {page}");
    }
    let list = fleet.get("/api/v1/servers").await.json();
    let servers = list["items"].as_array().unwrap();
    assert!(
        servers.iter().any(|server| server["name"] == "db-1"),
        "{list}"
    );
    browser.picture("server-added").await;

    // The key on the page is the server's own.
    let field = browser
        .driver
        .find(By::Css("input[readonly]"))
        .await
        .expect("the key is shown");
    let key = field.prop("value").await.unwrap().unwrap_or_default();
    let answer = fleet.report_as(&key, &report::seed()).await;
    assert_eq!(answer.status, 200, "{key}: {}", answer.text());
    browser.shows("First report arrived", PATIENCE).await;

    // And it is shown once.
    browser.open(&fleet.dashboard.url("/servers")).await;
    browser.shows("db-1", PATIENCE).await;
    assert!(!browser.driver.source().await.unwrap().contains(&key));
    assert_no_complaints(&browser).await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_follows_whether_an_agent_is_protected() {
    let fleet = Fleet::start().await;
    fleet.accepted(&report::seed()).await;
    let browser = Browser::trusting(&fleet.dashboard.ca_file()).await;
    log_in(&browser, &fleet.dashboard).await;
    assert!(!browser.text().await.contains("Unprotected agent"));
    for (confined, is_marked) in [(0, true), (1, false)] {
        let said = report::with(report::seed(), "agent_confined", confined.into());
        fleet.accepted(&said).await;
        until("the list follows", PATIENCE, async || {
            let marked = browser.text().await.contains("Unprotected agent");
            (marked == is_marked).then_some(())
        })
        .await;
        browser.picture(&format!("confined-{confined}")).await;
    }
    assert_no_complaints(&browser).await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_is_added_up_while_it_is_typed() {
    let fleet = Fleet::start().await;
    fleet.accepted(&report::seed()).await;
    let browser = Browser::trusting(&fleet.dashboard.ca_file()).await;
    log_in(&browser, &fleet.dashboard).await;
    browser
        .open(&fleet.dashboard.url("/settings/retention"))
        .await;
    let total = async || {
        let shown =
            "return document.querySelector('[data-total]:not([hidden]) output')?.textContent";
        browser.script(shown).await.as_str().map(str::to_owned)
    };
    let before = total().await.expect("a total");
    browser.picture("retention").await;
    browser.fill("hour", "24").await;
    let after = total().await.expect("a total");
    assert_ne!(before, after);
    // The beginning of a number, and none yet.
    browser.fill("hour", "e").await;
    assert_eq!(total().await, None);
    assert_no_complaints(&browser).await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_names_do_nothing_in_the_browser() {
    let fleet = Fleet::start().await;
    let hostile = "<img src=x onerror=\"document.title='owned'\">";
    let mut report = report::full(jiff::Timestamp::now(), 1);
    report["mount_used_bytes"] = serde_json::json!({ hostile: 1_000_000 });
    report["mount_total_bytes"] = serde_json::json!({ hostile: 2_000_000 });
    report["network_sent_bytes_total"] = serde_json::json!({ hostile: 5 });
    report["host"] = serde_json::json!({ "hostname": hostile });
    fleet.accepted(&report).await;
    let browser = Browser::trusting(&fleet.dashboard.ca_file()).await;
    log_in(&browser, &fleet.dashboard).await;

    browser
        .open(
            &fleet
                .dashboard
                .url(&format!("/servers/{}", fleet.server.id)),
        )
        .await;
    browser.shows("onerror", BROWSER_PATIENCE).await;
    // A report that arrives live goes through the script and not through the template.
    report["timestamp"] = serde_json::json!(jiff::Timestamp::now().to_string());
    report["cpu_usage"] = serde_json::json!(77.7);
    fleet.accepted(&report).await;
    browser.shows("77.7", PATIENCE).await;

    let images = browser
        .script("return document.querySelectorAll('img[src=x]').length")
        .await;
    assert_eq!(images.as_i64(), Some(0));
    assert!(!browser.driver.title().await.unwrap().contains("owned"));
    assert_no_complaints(&browser).await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_does_not_know_the_ca_refuses_the_dashboard() {
    let dashboard = Dashboard::start().await;
    let browser = Browser::start(Habits {
        ca_file: None,
        script: true,
    })
    .await;

    // The driver reports an error or shows the browser's own warning; never the page.
    let opened = browser.driver.goto(dashboard.url("/login")).await;

    let said = match opened {
        Ok(()) => browser.text().await,
        Err(error) => error.to_string(),
    };
    assert!(said.contains("ERR_CERT_AUTHORITY_INVALID"), "{said}");
    let fields = browser.driver.find_all(By::Name("password")).await.unwrap();
    assert!(fields.is_empty(), "the login is shown");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logging_out_ends_what_an_open_page_shows() {
    let fleet = Fleet::start().await;
    fleet.accepted(&report::seed()).await;
    let browser = Browser::trusting(&fleet.dashboard.ca_file()).await;
    log_in(&browser, &fleet.dashboard).await;
    browser.picture("login-and-list").await;

    let button = By::XPath("//form[@action='/logout']//button");
    browser
        .driver
        .find(button)
        .await
        .expect("a way out")
        .click()
        .await
        .unwrap();
    until("the login is shown", BROWSER_PATIENCE, async || {
        browser
            .driver
            .find(By::Css("[name=password]"))
            .await
            .ok()
            .map(|_| ())
    })
    .await;
    browser.picture("login").await;

    browser.open(&fleet.dashboard.url("/servers")).await;
    assert!(!browser.text().await.contains("web-1"));
    browser.quit().await;
}
