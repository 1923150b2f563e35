//! `print` and `printf` as Go's `fmt`.

use super::assert_outputs;

#[test]
fn print_puts_blanks_between_what_is_no_string() {
    assert_outputs(&[
        (
            "{{print 1 2}}|{{print \"a\" 1 \"b\"}}|{{print .n 1 true}}|{{print nil}}",
            "1 2|a1b|421 true|<nil>",
        ),
        ("{{println .n 1}}", "42 1\n"),
        (
            "{{print 1e6}} {{print 999999.0}} {{print 0.00001}} {{print 123456789.0}} {{1234567.5}}",
            "1e+06 999999 1e-05 1.23456789e+08 1.2345675e+06",
        ),
    ]);
}

#[test]
fn verbs_flags_and_widths() {
    assert_outputs(&[
        (
            r#"{{printf "%d|%5d|%-5d|%05d|%+d|% d|%x|%X|%#x|%o|%#o|%b|%c|%q|%U" 42 42 42 42 42 42 255 255 255 8 8 5 65 65 233}}"#,
            "42|   42|42   |00042|+42| 42|ff|FF|0xff|10|010|101|A|'A'|U+00E9",
        ),
        (
            r#"{{printf "%s|%6s|%-6s|%.2s|%q|%x|% X|%+q|%#q" "abc" "abc" "abc" "abc" "a\"b" "hi" "hi" "é" "raw"}}"#,
            "abc|   abc|abc   |ab|\"a\\\"b\"|6869|68 69|\"\\u00e9\"|`raw`",
        ),
        (
            r#"{{printf "%f|%.2f|%8.3f|%-8.1f|%08.2f|%e|%.1e|%g|%.3g|%G|%+.1f|% .1f" 1.5 1.239 3.14159 2.5 -3.14159 123456.789 1500.0 1e21 123456.0 1e-7 1.0 2.0}}"#,
            "1.500000|1.24|   3.142|2.5     |-0003.14|1.234568e+05|1.5e+03|1e+21|1.23e+05|1E-07|+1.0| 2.0",
        ),
        (
            r#"{{printf "%t|%5t|%v|%T|%T|%T|%T|%T" true false nil 1 1.5 "x" nil .}}"#,
            "true|false|<nil>|int|float64|string|<nil>|map[string]string",
        ),
        (
            r#"{{printf "%*d|%-*d|%.*f|%[2]d %[1]d|%[1]*d" 5 42}}"#,
            "   42|%!(BADWIDTH)%!d(MISSING)|%!(BADPREC)%!f(MISSING)|42 5|   42",
        ),
        (
            r#"{{printf "%d%%" 5}}|{{printf "%v %+v %#v" "a" "b" "c"}}"#,
            "5%|a b \"c\"",
        ),
        (
            r#"{{printf "%v|%#v|%d" (fromJson "[1,\"a\",null]") (fromJson "{\"k\":[true]}") (fromJson "[\"x\"]")}}"#,
            r#"[1 a <nil>]|map[string]interface {}{"k":[]interface {}{true}}|[%!d(string=x)]"#,
        ),
        (
            r#"{{printf "%v %s %d %T" (now.Sub now) now.Month now.Month now.Month}}"#,
            "0s March 3 time.Month",
        ),
        (
            r#"{{printf "%6.2f|%x|%b" 3.14159 1.0 1.0}}"#,
            "  3.14|0x1p+00|4503599627370496p-52",
        ),
        (
            r#"{{printf "%v|%5v|%05v" (float64 "+Inf") (float64 "NaN") (float64 "-Inf")}}"#,
            "+Inf|  NaN| -Inf",
        ),
        (
            r#"{{printf "%x" -255}} {{printf "%.3d" 7}} {{printf "%+.3d|%6.3d|%-+6d|" 7 7 7}}"#,
            "-ff 007 +007|   007|+7    |",
        ),
    ]);
}

#[test]
fn what_does_not_fit_shows_in_the_text() {
    assert_outputs(&[
        (
            r#"{{printf "%d" "42"}} {{printf "%d"}} {{printf "x" 1 "y"}}"#,
            "%!d(string=42) %!d(MISSING) x%!(EXTRA int=1, string=y)",
        ),
        (
            r#"{{printf "%z" 3}} {{printf "%"}} {{printf "%!" 1}} {{printf "%s" 5}} {{printf "%s" nil}}"#,
            "%!z(int=3) %!(NOVERB) %!!(int=1) %!s(int=5) %!s(<nil>)",
        ),
        (
            r#"{{printf "%[5]d" 1}} {{printf "%[x]d" 1}} {{printf "%.2147483648d" 1}}"#,
            "%!d(BADINDEX) %!d(BADINDEX) 1",
        ),
        (
            r#"{{printf "%5d" "x"}} {{printf "%t" 1}}"#,
            "%!d(string=    x) %!t(int=1)",
        ),
    ]);
}
