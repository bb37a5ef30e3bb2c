"""The style sheet of report.html: one column that fits a phone, tables that scroll, light and dark."""

__all__ = ["STYLE"]

STYLE = """
:root{--ink:#1d2329;--soft:#5c6670;--line:#dfe3e7;--page:#fff;--panel:#f5f7f9;--accent:#0072b2;--good:#e3f3ec;
--good-ink:#07573c;--bad:#fbe7e0;--bad-ink:#8a2f06}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#9aa5af;--line:#333b43;--page:#14181c;--panel:#1c2227;
--accent:#56b4e9;--good:#12352a;--good-ink:#9fe0c4;--bad:#43200f;--bad-ink:#ffc3a6}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);line-height:1.5;
font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-size:16px}
main{max-width:60rem;margin:0 auto;padding:2rem 1.25rem 4rem}
h1{font-size:1.9rem;line-height:1.2;margin:0;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2.75rem 0 .9rem;padding-bottom:.35rem;border-bottom:1px solid var(--line)}
h3{font-size:1.02rem;margin:1.5rem 0 .5rem;overflow-wrap:anywhere}
h3 small{color:var(--soft);font-weight:400;font-size:.85em;margin-left:.4em}
.made{color:var(--soft);margin:.25rem 0 1rem;font-size:.9rem}
.verdict{padding:.6rem .9rem;border-radius:.5rem;margin:1rem 0}
.verdict.good{background:var(--good);color:var(--good-ink)}
.verdict.bad{background:var(--bad);color:var(--bad-ink)}
.verdict ul{margin:.3rem 0 0;padding-left:1.2rem}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.6rem}
.cards div{background:var(--panel);border-radius:.5rem;padding:.7rem .85rem}
.cards strong{display:block;font-size:1.15rem;font-weight:600;font-variant-numeric:tabular-nums}
.cards span{color:var(--soft);font-size:.82rem}
.scroll{overflow-x:auto;margin:.75rem 0}
table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
table.narrow{max-width:30rem}
th,td{text-align:left;padding:.38rem .75rem .38rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:500;font-size:.85rem}
th.n,td.n{text-align:right;white-space:nowrap}
th:last-child,td:last-child{padding-right:0}
td.bar{width:38%;min-width:5rem;vertical-align:middle}
td.bar i{display:block;height:.55rem;min-width:2px;border-radius:.2rem;background:var(--accent)}
dl{display:grid;grid-template-columns:minmax(9rem,max-content) 1fr;gap:.25rem 1.25rem;margin:.75rem 0;font-size:.92rem}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
figure{margin:1.25rem 0;background:#fff;border:1px solid var(--line);border-radius:.5rem;overflow:hidden}
figure.plain{background:none;padding:.9rem}
figure img{display:block;width:100%;height:auto}
.zoom{display:block}
.zoom input{position:absolute;opacity:0;pointer-events:none}
.zoom img{cursor:zoom-in}
.zoom input:focus-visible~img{outline:3px solid var(--accent)}
.zoom input:checked~img{position:fixed;inset:0;z-index:9;width:100vw;height:100vh;object-fit:contain;
background:#fff;cursor:zoom-out}
tbody tr:hover{background:var(--panel)}
figcaption{background:var(--page);padding:.55rem .9rem;font-size:.86rem;color:var(--soft);
border-top:1px solid var(--line)}
figure.plain figcaption{border:0;padding:.4rem 0 0;background:none}
svg{display:block;width:100%;height:auto}
svg text{fill:var(--soft);font-size:11px;font-family:inherit}
svg .marks line{stroke:var(--line)}
svg .bars rect{fill:var(--accent)}
article{margin-bottom:2rem}
details{margin:.6rem 0;font-size:.92rem}
summary{cursor:pointer;color:var(--accent)}
a{color:var(--accent)}
pre{background:var(--panel);border-radius:.5rem;padding:.8rem;overflow-x:auto;font-size:.82rem;line-height:1.45}
@media (max-width:34rem){main{padding:1.25rem .9rem 3rem}h1{font-size:1.5rem}
dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}td.bar{display:none}}
@media print{main{max-width:none}figure,article{break-inside:avoid}}
"""
