/* The page of a letterhead follows what is typed. Without this file its button shows it. */
(() => {
  "use strict";
  const form = document.querySelector("[data-shows]");
  if (!form) return;
  const button = form.querySelector("[data-sample]");
  let timer = 0;
  const show = () => form.requestSubmit(button);
  const later = () => { clearTimeout(timer); timer = setTimeout(show, 700); };
  form.addEventListener("input", later);
  form.addEventListener("submit", (event) => event.submitter !== button && clearTimeout(timer));
  show();
})();
