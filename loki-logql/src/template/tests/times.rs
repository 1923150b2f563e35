//! Times: layouts, zones, methods.

use super::{assert_errors, assert_outputs};

#[test]
fn timestamps_print_and_convert() {
    assert_outputs(&[
        ("{{__timestamp__}}", "2024-03-01 12:00:00.123456789 +0000 UTC"),
        ("{{now}}", "2024-03-01 12:01:00 +0000 UTC"),
        (
            "{{ __timestamp__ | unixEpoch }} {{__timestamp__ | unixEpochMillis}} {{unixEpochNanos __timestamp__}}",
            "1709294400 1709294400123 1709294400123456789",
        ),
        (
            "{{unixToTime .e}} {{unixToTime \"1709294400123\"}} {{unixToTime \"19783\"}}",
            "2024-03-01 12:00:00 +0000 UTC 2024-03-01 12:00:00.123 +0000 UTC 2024-03-01 00:00:00 +0000 UTC",
        ),
        (
            "{{(unixToTime \"1709294400123456\").Nanosecond}} {{(unixToTime \"1709294400123456789\").Nanosecond}}",
            "123456000 123456789",
        ),
    ]);
    assert_errors(&[
        (
            "{{unixToTime \"123\"}}",
            r#"template: line:1:2: executing "line" at <unixToTime "123">: error calling unixToTime: unable to parse time '123': %!w(<nil>)"#,
        ),
        (
            "{{unixToTime \"abc\"}}",
            r#"template: line:1:2: executing "line" at <unixToTime "abc">: error calling unixToTime: unable to parse time 'abc': strconv.ParseInt: parsing "abc": invalid syntax"#,
        ),
    ]);
}

#[test]
fn layouts_write_every_element() {
    assert_outputs(&[
        (
            r#"{{ __timestamp__ | date "2006-01-02T15:04:05.000Z07:00" }}"#,
            "2024-03-01T12:00:00.123Z",
        ),
        (
            r#"{{date "Mon Monday Jan January 1 01 2 02 _2 002 __2 06" __timestamp__}}"#,
            "Fri Friday Mar March 3 03 1 01  1 061  61 24",
        ),
        (
            r#"{{date "3 03 15 4 04 5 05 PM pm" __timestamp__}}"#,
            "12 12 12 0 00 0 00 PM pm",
        ),
        (
            r#"{{date "MST -0700 -07:00 -07 Z0700 Z07 -07:00:00" __timestamp__}}"#,
            "UTC +0000 +00:00 +00 Z Z +00:00:00",
        ),
        (
            r#"{{date ".000000 .999 ,0 .9x .00a .001 _2006 Month" __timestamp__}}"#,
            ".123456 .123 ,1 .1x .12a .003 _2024 Month",
        ),
        (
            r#"{{date "2006" 0}} {{date "2006" 1.5}} {{date "2006" "x"}}"#,
            "1970 2024 2024",
        ),
        (r#"{{date "2006-01-02" 99999999999999}}"#, "3170843-11-07"),
    ]);
}

#[test]
fn layouts_read_what_they_write() {
    assert_outputs(&[
        (
            r#"{{toDate "2006-01-02 15:04:05" "2024-02-29 23:59:58.25"}}"#,
            "2024-02-29 23:59:58.25 +0000 UTC",
        ),
        (
            r#"{{toDate "2006-01-02" "2023-02-29"}}"#,
            "0001-01-01 00:00:00 +0000 UTC",
        ),
        (
            r#"{{toDate "Jan _2 2006 3:04PM" "mar  1 2024 12:05AM"}}"#,
            "2024-03-01 00:05:00 +0000 UTC",
        ),
        (
            r#"{{toDate "2006-01-02T15:04:05Z07:00" "2024-03-01T12:00:00+02:00"}}"#,
            "2024-03-01 12:00:00 +0200 +0200",
        ),
        (
            r#"{{toDate "2006-01-02T15:04:05Z07:00" "2024-03-01T12:00:00Z"}}"#,
            "2024-03-01 12:00:00 +0000 UTC",
        ),
        (
            r#"{{toDate "2006-01-02 MST" "2024-03-01 CET"}}"#,
            "2024-03-01 00:00:00 +0000 CET",
        ),
        (r#"{{toDate "2006 002" "2024 060"}}"#, "2024-02-29 00:00:00 +0000 UTC"),
        (
            r#"{{toDateInZone "2006-01-02 15:04" "America/New_York" "2024-07-01 12:00"}}"#,
            "2024-07-01 12:00:00 -0400 EDT",
        ),
        (
            r#"{{toDateInZone "2006-01-02 15:04" "No/Where" "2024-07-01 12:00"}}"#,
            "2024-07-01 12:00:00 +0000 UTC",
        ),
        (
            r#"{{toDateInZone "2006-01-02" "Europe/Berlin" "2024-01-01" | unixEpoch}}"#,
            "1704063600",
        ),
    ]);
}

#[test]
fn times_have_gos_methods() {
    assert_outputs(&[
        (
            "{{ (unixToTime .e).Year }} {{(unixToTime .e).Month}} {{(unixToTime .e).Weekday}} {{(unixToTime .e).YearDay}}",
            "2024 March Friday 61",
        ),
        (
            r#"{{ (unixToTime .e).Format "Jan 2" }} {{now.Unix}} {{now.UTC.Hour}}"#,
            "Mar 1 1709294460 12",
        ),
        (
            "{{now.Sub (unixToTime .e)}} {{(now.Sub (unixToTime .e)).Seconds}}",
            "1m0s 60",
        ),
        (
            "{{now.Add 1500000000}} {{now.AddDate 0 0 -1}}",
            "2024-03-01 12:01:01.5 +0000 UTC 2024-02-29 12:01:00 +0000 UTC",
        ),
        (
            "{{now.After (unixToTime .e)}} {{now.Before now}} {{now.Equal now}} {{now.IsZero}}",
            "true false true false",
        ),
        (
            "{{now.AddDate 0 11 30}} {{printf \"%d\" now.Month}}",
            "2025-03-03 12:01:00 +0000 UTC 3",
        ),
        (
            "{{__timestamp__.Truncate 3600000000000}} {{now.Location}}",
            "2024-03-01 12:00:00 +0000 UTC UTC",
        ),
    ]);
    assert_errors(&[
        (
            "{{now.Nope}}",
            r#"template: line:1:2: executing "line" at <now>: can't evaluate field Nope in type time.Time"#,
        ),
        (
            "{{now.Format 3}}",
            r#"template: line:1:13: executing "line" at <3>: expected string; found 3"#,
        ),
    ]);
}
