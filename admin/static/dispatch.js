// One tick for a whole zone, which has its usual courier.
(() => {
  "use strict";
  const boxes = (zone) => [...zone.querySelectorAll("input[name=dispatch]")];
  document.addEventListener("change", (event) => {
    const zone = event.target.closest("[data-zone]"), all = zone && zone.querySelector("[data-zone-all]");
    if (!all) return;
    if (event.target === all) boxes(zone).forEach((box) => { box.checked = all.checked; });
    const by = zone.closest("form").querySelector("select[name=by]");
    if (event.target.checked && !by.value && zone.dataset.courier) by.value = zone.dataset.courier;
    const ticked = boxes(zone).filter((box) => box.checked).length;
    all.checked = ticked === boxes(zone).length;
    all.indeterminate = ticked > 0 && !all.checked;
  });
})();
