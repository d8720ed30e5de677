// How the organization looks on this page: said in its head, and again over the socket whenever somebody changes it.
//
// The server puts this page's socket into the room of its organization and sends `unison:brand` with the whole look.

import { reactive } from "vue";
import { whenSocket } from "live_board";

const EMPTY = {
  version: 0, name: "", css: "", header_logo: {}, page_logo: {}, favicon: "", sign_in_picture: "", wall_text: "", has_bar: false,
};

export const brand = reactive({ ...EMPTY, ...window.unisonBrand });

function wear(look) {
  const before = brand.name;
  Object.assign(brand, look);
  const style = document.getElementById("u-brand");
  if (style) style.textContent = look.css;
  showFavicon(look.favicon);
  if (document.title.endsWith(before)) document.title = document.title.slice(0, -before.length || undefined) + look.name;
}

// NiceGUI's own icon stands in the head; an organization's takes its place, and gives it back.
let own = null;
function showFavicon(url) {
  const icons = [...document.head.querySelectorAll("link[rel~=icon]:not(#u-favicon)")];
  own ??= icons[0]?.cloneNode();
  icons.forEach((icon) => icon.remove());
  let mine = document.getElementById("u-favicon");
  if (!url) {
    mine?.remove();
    if (own) document.head.append(own.cloneNode());
    return;
  }
  mine ??= document.head.appendChild(Object.assign(document.createElement("link"), { id: "u-favicon", rel: "icon" }));
  mine.href = url;
}

if (brand.favicon) showFavicon(brand.favicon);

// Listens as long as something on the page shows the brand.
let shown = 0;
let stopWaiting = null;
export const followsBrand = {
  created() {
    this.brand = brand;
    if (shown++ === 0) stopWaiting = whenSocket((socket) => socket.on("unison:brand", wear));
  },
  unmounted() {
    if (--shown > 0) return;
    stopWaiting();
    window.socket?.off("unison:brand", wear);
  },
};

// The logo in both modes; the stylesheet shows the one of the mode that is on.
export const BrandLogo = {
  props: { logo: Object, name: String },
  template: `
    <template v-if="logo.light || logo.dark">
      <img v-if="logo.light" class="u-brand-logo u-brand-logo--light" :src="logo.light" :alt="name" />
      <img v-if="logo.dark" class="u-brand-logo u-brand-logo--dark" :src="logo.dark" :alt="name" />
    </template>`,
};

// Above a wall: the organization's logo and words on the ground of its own.
export const BrandBar = {
  mixins: [followsBrand],
  components: { UBrandLogo: BrandLogo },
  template: `
    <div v-if="brand.has_bar" class="u-brand-bar">
      <u-brand-logo :logo="brand.header_logo" :name="brand.name" />
      <strong v-if="!brand.header_logo.light">{{ brand.name }}</strong>
      <span v-if="brand.wall_text">{{ brand.wall_text }}</span>
    </div>`,
};
