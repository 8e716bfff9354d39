/* Jupyter's widget manager has maths set by MathJax 2, through MathJax.Hub; the site has
   MathJax 3. Without this bridge every label of a widget ends in an error. */
document.addEventListener("DOMContentLoaded", () => {
  if (!window.MathJax) return; // the page has no equation
  const queue = ([, , element]) => {
    const { startup } = MathJax;
    startup.promise = startup.promise.then(() => MathJax.typesetPromise([element]));
  };
  MathJax.Hub = { Queue: queue };
});
